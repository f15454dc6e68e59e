/* Templates: every place of a shell command, every byte, and real shells as judges: what they see
 * as arguments must be the value's bytes, and nothing of a value may run. */
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/vec.h"
#include "model/shellwords.h"
#include "model/template.h"

struct names {
    struct value x, y, list;
};

static enum expr_lookup lookup(void *ctx, const struct expr_name *name, struct arena *arena,
                               struct expr_answer *answer)
{
    const struct names *names = ctx;
    (void)arena;
    if (str_is(name->text, "x")) {
        answer->value = names->x;
    } else if (str_is(name->text, "y")) {
        answer->value = names->y;
    } else if (str_is(name->text, "list")) {
        answer->value = names->list;
    } else {
        return EXPR_UNKNOWN;
    }
    return EXPR_FOUND;
}

struct bench {
    struct arena arena;
    struct template_cache templates;
    struct diags diags;
    struct names names;
    struct expr_error error;
};

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    arena_init(&b->arena);
    template_cache_init(&b->templates, &b->arena);
    diags_init(&b->diags);
    b->names.x = value_string(STR("a b"));
    b->names.y = value_string(STR("1"));
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    diags_fini(&b->diags);
    template_cache_fini(&b->templates);
    arena_fini(&b->arena);
    free(b);
    return 0;
}

/* NULL: it is none. */
static const struct m_text *parse_at(struct bench *b, struct str text, struct span span,
                                     struct span where, enum template_use use, const char *shell)
{
    struct m_text *template = ARENA_NEW(&b->arena, struct m_text);
    *template = (struct m_text){.text = text, .span = span};
    bool good = template_parse(&b->templates, template, where, use, str_of(shell), &b->diags);
    assert_int_equal(template->given, good);
    return good ? template : NULL;
}

static const struct m_text *parse(struct bench *b, const char *text, enum template_use use,
                                  const char *shell)
{
    struct str s = str_of(text);
    struct span where = {0, (uint32_t)s.len, diags_add_source(&b->diags, STR("t"), s)};
    return parse_at(b, s, where, where, use, shell);
}

/* The rendered text, or "!parse" or "!render". */
static const char *render(struct bench *b, const char *text, enum template_use use)
{
    struct str out;
    struct expr_env env = {&b->names, lookup};
    const struct m_text *template = parse(b, text, use, "sh");
    if (template == NULL) {
        assert_true(diags_has_errors(&b->diags));
        return "!parse";
    }
    return template_render(template, &env, &b->arena, &out, &b->error) ? out.data : "!render";
}

static const char *shell(struct bench *b, const char *text)
{
    return render(b, text, TEMPLATE_SHELL);
}

static void test_text(void **state)
{
    struct bench *b = *state;
    b->names.list = value_list(&b->names.x, 1);
    assert_string_equal(render(b, "p/{{x}}.csv", TEMPLATE_TEXT), "p/a b.csv");
    assert_string_equal(render(b, "{{{{x}} {{ y }}", TEMPLATE_TEXT), "{{x}} 1");
    assert_string_equal(render(b, "{{ '}}' }}", TEMPLATE_TEXT), "}}");
    assert_string_equal(render(b, "", TEMPLATE_TEXT), "");
    assert_string_equal(render(b, "{{list}}", TEMPLATE_TEXT), "!render");
    assert_string_equal(render(b, "{{''}}", TEMPLATE_PATH), "!render");
    assert_string_equal(render(b, "{{x", TEMPLATE_TEXT), "!parse");
    assert_string_equal(render(b, "{{ }}", TEMPLATE_TEXT), "!parse");
    b->names.x = value_string(str_n("a\0b", 3));
    assert_string_equal(render(b, "{{x}}", TEMPLATE_TEXT), "!render");
}

static void test_spans(void **state)
{
    struct bench *b = *state;
    assert_null(parse(b, "abc {{ x + }} {{ 1 ** 2 }}", TEMPLATE_TEXT, NULL));
    assert_int_equal(b->diags.count, 2);
    assert_int_equal(b->diags.items[0].span.offset, 11);
    assert_int_equal(b->diags.items[1].span.offset, 19);
}

static bool note_span(void *ctx, const struct expr_name *name, bool in_default)
{
    (void)in_default;
    *(struct span *)ctx = name->span;
    return true;
}

/* One text at two places: what was parsed once is told at each. */
static void test_same_text_elsewhere(void **state)
{
    struct bench *b = *state;
    struct str document = STR("'{{x + y}}' '{{x + y}}'");
    uint16_t source = diags_add_source(&b->diags, STR("t"), document);
    struct expr_env env = {&b->names, lookup};
    struct span name;
    struct str out;

    b->names.y = value_int(1);
    for (uint32_t offset = 1; offset < document.len; offset += 12) {
        struct str text = str_n(document.data + offset, 9);
        const struct m_text *template =
            parse_at(b, text, (struct span){offset - 1, 11, source},
                     (struct span){offset, 9, source}, TEMPLATE_TEXT, NULL);
        assert_non_null(template);
        assert_true(template_names(template, note_span, &name));
        assert_int_equal(name.offset, offset + 6);
        assert_false(template_render(template, &env, &b->arena, &out, &b->error));
        assert_int_equal(b->error.span.offset, offset + 2);
        assert_false(template_eval_sole(template, &env, &b->arena, &b->names.list, &b->error));
        assert_int_equal(b->error.span.offset, offset + 2);
    }
    assert_int_equal(b->templates.bodies.count, 1);
    /* Without exact places it is a body of its own; another shell is another template. */
    assert_non_null(parse_at(b, STR("{{x + y}}"), (struct span){0, 20, source},
                             (struct span){0, 20, source}, TEMPLATE_TEXT, NULL));
    assert_non_null(parse(b, "echo '{{raw(x)}}'", TEMPLATE_SHELL, "sh"));
    assert_null(parse(b, "echo {{x}}", TEMPLATE_SHELL, "fish"));
    assert_non_null(parse(b, "echo {{x}}", TEMPLATE_SHELL, "sh"));
    assert_null(parse(b, "echo {{x}}", TEMPLATE_SHELL, "fish"));
    assert_int_equal(b->templates.bodies.count, 3);
}

/* What has no place of its own in the text is told at its content, as long as what is around that
 * is little. */
static void test_places_around(void **state)
{
    struct bench *b = *state;
    struct expr_env env = {&b->names, lookup};
    struct span span = {100, 700, 1};
    struct str out;

    const struct m_text *near =
        parse_at(b, STR("{{''}}"), span, (struct span){104, 693, 1}, TEMPLATE_PATH, NULL);
    assert_false(template_render(near, &env, &b->arena, &out, &b->error));
    assert_int_equal(b->error.span.offset, 104);
    assert_int_equal(b->error.span.len, 693);
    const struct m_text *far =
        parse_at(b, STR("{{''}}"), span, (struct span){104, 20, 1}, TEMPLATE_PATH, NULL);
    assert_false(template_render(far, &env, &b->arena, &out, &b->error));
    assert_int_equal(b->error.span.offset, 100);
    assert_int_equal(b->error.span.len, 700);
}

static void test_argv(void **state)
{
    struct bench *b = *state;
    struct value items[] = {value_path(STR("-f")), value_string(STR("-g")), value_int(3)};
    struct template_words words = {0};
    struct expr_env env = {&b->names, lookup};
    b->names.list = value_list(items, 3);
    b->names.y = items[0];
    const struct m_text *all = parse(b, "{{list}}", TEMPLATE_ARGV, NULL);
    assert_true(template_render_words(all, &env, &b->arena, &words, &b->error));
    assert_int_equal(words.count, 3);
    assert_string_equal(words.items[0].data, "./-f");
    assert_string_equal(words.items[1].data, "-g");
    assert_string_equal(words.items[2].data, "3");
    b->names.list = value_list(NULL, 0);
    assert_true(template_render_words(all, &env, &b->arena, &words, &b->error));
    assert_int_equal(words.count, 3);
    VEC_FREE(&words);
    assert_string_equal(render(b, "--in={{y}}", TEMPLATE_ARGV), "--in=./-f");
    assert_string_equal(render(b, "d/{{y}}", TEMPLATE_ARGV), "d/-f");
    assert_string_equal(render(b, "a{{list}}", TEMPLATE_ARGV), "!render");
}

/* In each of these a value is refused when the manifest is read. */
static void test_refused_places(void **state)
{
    static const char *const texts[] = {
        "echo \"{{x}}\"",
        "echo '{{x}}'",
        "echo `echo {{x}}`",
        "echo $(echo {{x}})",
        "echo \"$(echo \"{{x}}\")\"",
        "echo ${a:-{{x}}}",
        "echo $((1 + {{x}}))",
        "((a = {{x}}))",
        "cat <<E\n{{x}}\nE\n",
        "cat <<'E'\n{{x}}\nE\n",
        "cat <<-E\n\t{{x}}\n\tE\n",
        "cat <<{{x}}\nE\n",
        "cat <<A <<B\na\nA\n{{x}}\nB\n",
        "echo ${{x}}",
        "echo \\{{x}}",
        "echo $'{{x}}'",
        "echo $\"{{x}}\"",
        "[[ {{x}} -eq 1 ]]",
        "a[{{x}}]=1",
        "ls [{{x}}]",
        "cat <({{x}})",
        "echo $\\\n{{x}}",
        "echo $#{{x}}",
        "echo $={{x}}",
        "echo {{x}} 'open",
        "echo {{x}} $(open",
        "echo {{x}} `open",
        "cat <<E {{x}}\nno end\n",
        "echo {{x}} )",
        "cat <<E\nfoo\\\nE\n{{x}}\nE\n",
        "echo $'a\\' {{x}} 'b'",
        "echo $[1] {{x}}",
        "cat <<E\n$(echo\nE\necho {{x}}\n)\nE\n",
        "echo \"$(case x in a) echo {{x}};; esac)\"",
        "echo $(case x in (a) b;; c) d;; esac; echo {{x}})",
        "cat <\\\n<E\n{{x}}\nE\n",
        "(a)#{{x}}",
        "cat <<E\n\"\n{{x}}\nE\n",
        "x=$(cat <<E\n{{x}}\nE\n)",
        "echo \"`echo {{x}}`\"",
        "echo $((`echo {{x}}`))",
        "echo $(($(echo {{x}})))",
        "echo ${a:-`echo {{x}}`}",
        "echo ${a:-$(echo {{x}})}",
        "echo ${a:-\"{{x}}\"}",
        "echo ${a:-'{{x}}'}",
        "echo ${a:-{b}} {{x}}",
        "echo \"${a:-'}'}\" {{x}}",
        "echo ${ a; } {{x}}",
        "echo $((1 + 'a')) {{x}}",
        "echo $((1) + 1) {{x}}",
        "echo $((1 {{x}}",
        "cat <<\"a\\b\"\nab\n{{x}}\n",
        "cat <<$a\n$a\n{{x}}\n",
        "cat <<\\E\n{{x}}\nE\n",
        "cat {{x}} <<\\",
        "cat <<; {{x}}",
        "echo $(cat <<E) {{x}}\nE\n",
    };
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strcmp(shell(b, texts[i]), "!parse") != 0) {
            fail_msg("not refused: %s", texts[i]);
        }
    }
}

struct row {
    const char *text, *x, *out;
};

static void test_forms(void **state)
{
    static const struct row rows[] = {
        {"echo {{x}}", "a", "echo a"},
        {"echo {{x}}", "A-z0_./:=@%+,-", "echo A-z0_./:=@%+,-"},
        {"echo {{x}}", "", "echo ''"},
        {"echo {{x}}", "a b", "echo 'a b'"},
        {"echo {{x}}", "it's", "echo 'it'\\''s'"},
        {"echo \"a\"{{x}}\"b\"", "$", "echo \"a\"'$'\"b\""},
        {"v={{x}} cmd", "1", "v=1 cmd"},
        {"v={{x}}", "a b", "v='a b'"},
        {"echo {{x}}>f", "2", "echo '2'>f"},
        {"echo {{x}} >f", "2", "echo 2 >f"},
        {"echo {{x}}\\\n>f", "2", "echo '2'\\\n>f"},
        {"{{x}} a", "if", "'if' a"},
        {"{{x}} a", "python3", "python3 a"},
        {"{{x}} a", "a=b", "'a=b' a"},
        {"A=1 2>f {{x}} a", "a=b", "A=1 2>f 'a=b' a"},
        {"true; ! {{x}}", "time", "true; ! 'time'"},
        {"i{{x}} a", "f", "i'f' a"},
        {"case q in {{x}}) ;; esac", "esac", "case q in 'esac') ;; esac"},
        {"echo $v{{x}}", "w", "echo $v'w'"},
        {"echo $v/{{x}}", "w", "echo $v/w"},
        {"echo {a,{{x}}}", "b,c", "echo {a,'b,c'}"},
        {"for i in {1..{{x}}}; do :; done", "5", "for i in {1..5}; do :; done"},
        {"echo {{x}}", "=ls", "echo '=ls'"},
        {"echo {{x}}", "~", "echo '~'"},
        {"# {{x}}\ntrue", "a", "# a\ntrue"},
        {"# {{x}}\ntrue", "a\nb", "!render"},
        {"cat <<E {{x}}\nE\n", "a\nb", "!render"},
        {"cat <<E\nE\necho {{x}}", "a\nb", "cat <<E\nE\necho 'a\nb'"},
        {"cat <<<{{x}}", "a b", "cat <<<'a b'"},
        {"cat <<E\n'\nE\necho {{x}}", "$", "cat <<E\n'\nE\necho '$'"},
        {"echo \"${a#'x'}\" {{x}}", "$", "echo \"${a#'x'}\" '$'"},
        {"(cd {{x}}; ls)", "a b", "(cd 'a b'; ls)"},
        {"case a in (a) echo {{x}};; esac", "$", "case a in (a) echo '$';; esac"},
        {"echo \"{{raw(x)}}\"", "$HOME", "echo \"$HOME\""},
        {"f() { echo {{x}}; }", "a b", "f() { echo 'a b'; }"},
        {"echo a#{{x}}", "a\nb", "echo a#'a\nb'"},
        {"echo \"`date`\" {{x}}", "$", "echo \"`date`\" '$'"},
        {"echo $(($a + `b` + $(c))) {{x}}", "$", "echo $(($a + `b` + $(c))) '$'"},
        {"echo ${a:-`b`$c\"d\"\\}} {{x}}", "$", "echo ${a:-`b`$c\"d\"\\}} '$'"},
        {"echo $?/{{x}}", "w", "echo $?/w"},
        {"cat <<\\E\n'\nE\necho {{x}}", "$", "cat <<\\E\n'\nE\necho '$'"},
        {"cat <<'E F'\n'\nE F\necho {{x}}", "$", "cat <<'E F'\n'\nE F\necho '$'"},
    };
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        b->names.x = value_string(str_of(rows[i].x));
        assert_string_equal(shell(b, rows[i].text), rows[i].out);
    }
}

/* However deep a command nests, it is read or refused, and the stack holds. */
static void test_depth(void **state)
{
    static const char *const opening[] = {"$(", "${a:-", "(", "\"$(", "$(( "};
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof(opening) / sizeof(opening[0]); i++) {
        struct strbuf text = {0};
        for (int n = 0; n < 20000; n++) {
            strbuf_puts(&text, opening[i]);
        }
        strbuf_puts(&text, "{{x}}");
        assert_string_equal(shell(b, text.data), "!parse");
        strbuf_fini(&text);
    }
}

static void test_paths_and_lists(void **state)
{
    struct bench *b = *state;
    struct value items[] = {value_path(STR("-f")), value_path(STR("a b"))};
    b->names.list = value_list(items, 2);
    b->names.x = items[0];
    b->names.y = value_string(STR(""));
    assert_string_equal(shell(b, "cat {{list}}"), "cat ./-f 'a b'");
    assert_string_equal(shell(b, "cat {{x}} <{{x}}"), "cat ./-f <./-f");
    assert_string_equal(shell(b, "cat --in={{x}} d/{{x}}"), "cat --in=./-f d/-f");
    assert_string_equal(shell(b, "cat {{y}}{{x}} ''{{x}}"), "cat ''./-f ''./-f");
    assert_string_equal(shell(b, "cat {{x}}{{x}}"), "cat ./-f-f");
    assert_string_equal(shell(b, "v={{list}}"), "!render");
    assert_string_equal(shell(b, "cat >{{list}}"), "!render");
    assert_string_equal(shell(b, "cat {{list}}x"), "!render");
    assert_string_equal(shell(b, "for f in {{list}}; do :; done"),
                        "for f in ./-f 'a b'; do :; done");
    b->names.list = value_list(NULL, 0);
    assert_string_equal(shell(b, "cat {{list}}"), "cat ");
}

/* --- what cannot fail --- */

static enum template_known_value known_value(void *ctx, const struct expr_name *name)
{
    (void)ctx;
    return str_is(name->text, "x")      ? TEMPLATE_VALUE_TEXT
           : str_is(name->text, "list") ? TEMPLATE_VALUE_LIST
                                        : TEMPLATE_VALUE_ANY;
}

/* Renders with a text of every kind that needs quotes; what cannot fail must not. */
static void check_cannot_fail(struct bench *b, const char *text, enum template_use use, bool sure)
{
    static const char *const values[] = {"",  "a",  "-x",  "=", "a b", "a\nb", "it's",
                                         "$", "if", "a=b", "",  "{",   "}",    "\\"};
    const struct m_text *template = parse(b, text, use, "sh");
    size_t bytes = 0;
    uint32_t names = 0;

    assert_non_null(template);
    if (template_cannot_fail(template, known_value, NULL, &bytes, &names) != sure) {
        fail_msg("%s", text);
    }
    for (size_t i = 0; i < sizeof(values) / sizeof(*values) && sure; i++) {
        struct value items[2] = {value_string(str_of(values[i])), value_path(str_of(values[i]))};
        struct expr_env env = {.ctx = &b->names, .lookup = lookup};
        size_t most = 2 * (strlen(values[i]) * 4 + 8);
        struct str out;

        b->names.x = items[1];
        b->names.list = value_list(items, 2);
        assert_true(template_render(template, &env, &b->arena, &out, &b->error));
        assert_true(out.len <= bytes + names * most);
    }
}

static void test_what_cannot_fail(void **state)
{
    struct bench *b = *state;

    check_cannot_fail(b, "cp", TEMPLATE_SHELL, true);
    check_cannot_fail(b, "cp {{x}} {{list}} a{{x}}b --y={{x}} > {{x}}", TEMPLATE_SHELL, true);
    check_cannot_fail(b, "{{x}} && ({{ list }}; x={{x}}) | {{{{ {{x}}", TEMPLATE_SHELL, true);
    check_cannot_fail(b, "a {{list}}b", TEMPLATE_SHELL, false);
    check_cannot_fail(b, "a > {{list}}", TEMPLATE_SHELL, false);
    check_cannot_fail(b, "a # {{x}}", TEMPLATE_SHELL, false);
    check_cannot_fail(b, "a {{x}} <<END\nEND", TEMPLATE_SHELL, true);
    check_cannot_fail(b, "a <<END {{x}}\nEND", TEMPLATE_SHELL, false);
    check_cannot_fail(b, "a {{y}}", TEMPLATE_SHELL, false);
    check_cannot_fail(b, "a {{x + 'b'}}", TEMPLATE_SHELL, false);
    check_cannot_fail(b, "a {{raw(x)}}", TEMPLATE_SHELL, false);
    check_cannot_fail(b, "a{{x}}", TEMPLATE_TEXT, true);
    check_cannot_fail(b, "{{list}}", TEMPLATE_TEXT, false);
    check_cannot_fail(b, "{{x}}", TEMPLATE_PATH, false);
    check_cannot_fail(b, "{{x}}", TEMPLATE_ARGV, false);
}

static void test_shells(void **state)
{
    struct bench *b = *state;
    assert_true(shell_is_known(STR("/bin/sh")));
    assert_true(shell_is_known(STR("/usr/bin/busybox sh")));
    assert_false(shell_is_known(STR("busybox awk")));
    assert_false(shell_is_known(STR("fish")));
    assert_null(parse(b, "echo {{x}}", TEMPLATE_SHELL, "/usr/bin/fish"));
    assert_non_null(parse(b, "echo {{raw(x)}}", TEMPLATE_SHELL, "/usr/bin/fish"));
}

static bool has_pipe(struct bench *b, const char *text)
{
    struct shell_scan scan;
    shell_scan(&b->arena, str_of(text), &scan);
    return scan.has_pipe;
}

static bool note_word(void *ctx, struct str word, size_t offset, size_t len)
{
    strbuf_printf(ctx, "%.*s@%zu+%zu;", STR_ARG(word), offset, len);
    return true;
}

static void test_scan(void **state)
{
    struct bench *b = *state;
    struct strbuf out;
    assert_true(has_pipe(b, "a | b"));
    assert_true(has_pipe(b, "a |& b"));
    assert_true(has_pipe(b, "(a\n|b)"));
    assert_false(has_pipe(b, "a || b"));
    assert_false(has_pipe(b, "a '|' \"|\" \\| >|f # |"));
    assert_false(has_pipe(b, "case a in b|c) ;; esac"));
    assert_false(has_pipe(b, "cat <<E\n|\nE\n"));
    strbuf_init(&out);
    shell_words(STR("awk -f 'my file' a\\ b $x *.c <in # no"), note_word, &out);
    assert_string_equal(out.data, "awk@0+3;-f@4+2;my file@7+9;a b@17+4;in@30+2;");
    strbuf_fini(&out);
}

/* --- real shells --- */

static const char *const shells[][3] = {
    {"/bin/sh", NULL, NULL},      {"/bin/dash", NULL, NULL},    {"/bin/bash", NULL, NULL},
    {"/bin/busybox", "sh", NULL}, {"/usr/bin/zsh", NULL, NULL}, {"/usr/bin/ksh", NULL, NULL},
};

/* What the shell prints for the command, in the current folder. */
static void run_shell(const char *const which[3], const char *command, struct strbuf *out)
{
    int ends[2], status;
    char buf[4096];
    ssize_t len;
    assert_int_equal(pipe(ends), 0);
    pid_t pid;
    posix_spawn_file_actions_t actions;
    const char *const argv[] = {which[0], which[1] != NULL ? which[1] : "-c",
                                which[1] != NULL ? "-c" : command, command, NULL};
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    assert_int_equal(posix_spawn(&pid, which[0], &actions, NULL, (char *const *)argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    while ((len = read(ends[0], buf, sizeof(buf))) > 0) {
        strbuf_add(out, buf, (size_t)len);
    }
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void check_arguments(const char *const which[3], struct bench *b, const char *text,
                            struct str wanted)
{
    struct strbuf out;
    const char *command = shell(b, text);
    if (command[0] == '!') {
        fail_msg("cannot render: %s", text);
    }
    strbuf_init(&out);
    run_shell(which, command, &out);
    if (!str_equal(strbuf_str(&out), wanted)) {
        fail_msg("%s: %s\n    saw %s", which[0], command, out.data);
    }
    strbuf_fini(&out);
    if (access("pwned", F_OK) == 0) {
        fail_msg("%s ran a value: %s", which[0], command);
    }
}

/* One value in each kind of place that takes values. The command prints x between brackets. */
static void check_value(const char *const which[3], struct bench *b, struct str value)
{
    static const char *const texts[] = {
        "printf '[%s]' {{x}}",
        "printf '[%s]' \"\"{{x}}\"\"",
        "v={{x}}; printf '[%s]' \"$v\"",
        "v={{x}} sh -c 'printf \"[%s]\" \"$v\"'",
        "(printf '[%s]' {{x}})",
        "f() { printf '[%s]' \"$1\"; }; f {{x}}",
        "for v in {{x}}; do printf '[%s]' \"$v\"; done",
        "case {{x}} in {{x}}) printf '[%s]' {{x}};; esac",
        "cat <<E >/dev/null\n'\"E\nE\nprintf '[%s]' {{x}} # '\n",
        "printf '[%s]' \"$(printf '%s' ')')\" >/dev/null; printf '[%s]' {{x}}",
        "if [ {{x}} = {{x}} ]; then printf '[%s]' {{x}}; fi",
        "true && { printf '[%s]' {{x}}; } 2>&1",
        "printf '[%s]' {{x}}>&1",
    };
    struct strbuf wanted;
    b->names.x = value_string(value);
    strbuf_init(&wanted);
    strbuf_printf(&wanted, "[%.*s]", STR_ARG(value));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        check_arguments(which, b, texts[i], strbuf_str(&wanted));
    }
    strbuf_fini(&wanted);
}

/* Every byte beside letters and digits, in one list: each must arrive as it is. */
static void check_bytes(const char *const which[3], struct bench *b)
{
    static char bytes[255][4];
    struct value items[255];
    struct strbuf wanted;
    strbuf_init(&wanted);
    for (int i = 0; i < 255; i++) {
        bytes[i][0] = (char)(i + 1);
        bytes[i][1] = i % 2 == 0 ? 'a' : (char)(i + 1);
        bytes[i][2] = (char)(i + 1);
        items[i] = value_string(str_n(bytes[i], 3));
        strbuf_putc(&wanted, '[');
        strbuf_add(&wanted, bytes[i], 3);
        strbuf_putc(&wanted, ']');
    }
    b->names.list = value_list(items, 255);
    check_arguments(which, b, "printf '[%s]' {{list}}", strbuf_str(&wanted));
    strbuf_fini(&wanted);
}

static void check_shell(const char *const which[3], struct bench *b)
{
    static const char *const values[] = {
        "$(touch pwned)",
        "`touch pwned`",
        "'; touch pwned; '",
        "\"; touch pwned; \"",
        "\n touch pwned\n",
        "a; touch pwned",
        "$HOME",
        "${HOME}",
        "*",
        "?",
        "[a]",
        "~",
        "~root",
        "#",
        "-",
        "--",
        "",
        " ",
        "\\",
        "a\\",
        "'",
        "''",
        "\"",
        "!",
        "!!",
        "if",
        "esac",
        "do",
        "{",
        "}",
        "a=b",
        "=ls",
        "1",
        "2",
        "&",
        "&&",
        "|",
        "<",
        ">",
        ">pwned",
        "<<E",
        "E",
        "$",
        "$$",
        "%",
        "\t",
        "\x01",
        "\x7f",
        "\x81\x82\x88",
        "\xff",
        "é",
        "{a,b}",
        "a,b",
        "a[$(touch pwned)]",
        "\\$(touch pwned)",
        "')$(touch pwned)",
        "1..3",
        "in",
        "(",
        ")",
        "^",
        "\r",
        "$'\\n'",
    };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        check_value(which, b, str_of(values[i]));
    }
    check_bytes(which, b);
}

static void test_real_shells(void **state)
{
    char folder[] = "/tmp/pawl-template-XXXXXX", before[4096];
    unsigned tried = 0;
    assert_non_null(getcwd(before, sizeof(before)));
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
        if (access(shells[i][0], X_OK) == 0) {
            check_shell(shells[i], *state);
            tried++;
        }
    }
    assert_int_equal(chdir(before), 0);
    assert_int_equal(rmdir(folder), 0); /* nothing was left in it */
    assert_true(tried >= 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_text),
        TEST(test_spans),
        TEST(test_argv),
        TEST(test_refused_places),
        TEST(test_forms),
        TEST(test_paths_and_lists),
        TEST(test_depth),
        TEST(test_shells),
        TEST(test_scan),
        TEST(test_real_shells),
        TEST(test_same_text_elsewhere),
        TEST(test_places_around),
        TEST(test_what_cannot_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#ifndef PAWL_BASE_MBEDTLS_CONFIG_H
#define PAWL_BASE_MBEDTLS_CONFIG_H
/* All that pawl takes from mbedTLS: SHA-256, portable C. The build names this file in
 * MBEDTLS_CONFIG_FILE, for mbedTLS' own sources and for base/sha256.c, and compiles only
 * library/sha256.c and library/platform_util.c. No other file includes mbedTLS. */
#define MBEDTLS_SHA256_C

#endif

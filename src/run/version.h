#ifndef PAWL_RUN_VERSION_H
#define PAWL_RUN_VERSION_H
/* The version of this program, in its two forms. */

#define PAWL_VERSION        "0.1.0"
#define PAWL_VERSION_NUMBER 1000u /* major * 1000000 + minor * 1000 + patch */

/* Digest of the sources, from the Makefile: what another build of the same version planned is not
 * taken over. */
#ifndef PAWL_BUILD
#define PAWL_BUILD "unknown"
#endif

#endif

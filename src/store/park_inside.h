#ifndef PAWL_STORE_PARK_INSIDE_H
#define PAWL_STORE_PARK_INSIDE_H
/* What park.c and park_list.c share; nobody else includes this. */
#include "store/park.h"

/* What one attempt's folder holds; run and attempt are left empty. */
bool parked_paths(int folder, struct arena *arena, struct parked_attempt *attempt, struct err *err);

#endif

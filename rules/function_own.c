/* SPDX-License-Identifier: Apache-2.0 */
/* function_own.c - what event rules need and CEL does not have: distances on the earth, tables. */
#include <math.h>

#include "rules/function.h"

#define EARTH_RADIUS_KM 6371.0088 /* mean radius R1 of the WGS 84 ellipsoid */
#define RADIANS_PER_DEGREE 0.017453292519943295

/* The number `name` of a place, in radians, if it is at most `degrees_max` in magnitude. */
static bool coordinate(struct expr_call *call, struct rt_value place, struct rt_text name,
                       double degrees_max, double *out, struct rt_value *why)
{
    struct rt_value value = expr_op_select(call, place, name);
    double degrees = value.type == RT_DOUBLE ? value.u.real
                     : value.type == RT_INT  ? (double)value.u.integer
                                             : (double)value.u.natural;

    if (!expr_is_number(value)) {
        *why = expr_no_overload(&value, 1);
        return false;
    }
    if (!(fabs(degrees) <= degrees_max)) {
        *why = expr_fail(RT_ERROR_ARGUMENT, "a latitude or longitude is out of range");
        return false;
    }
    *out = degrees * RADIANS_PER_DEGREE;
    return true;
}

/* The great circle by the haversine formula, exact enough for any two places but opposite ones (0.5 %). */
struct rt_value expr_fn_geo_km(struct expr_call *call, const struct rt_value *args, size_t count)
{
    double latitudes[2] = {0}, longitudes[2] = {0};
    struct rt_value why;

    for (size_t i = 0; i < count; i++)
        if (!coordinate(call, args[i], RT_TEXT("lat"), 90, &latitudes[i], &why) ||
            !coordinate(call, args[i], RT_TEXT("lon"), 180, &longitudes[i], &why))
            return why;

    double half_north = sin((latitudes[1] - latitudes[0]) / 2);
    double half_east = sin((longitudes[1] - longitudes[0]) / 2);
    double haversine =
        half_north * half_north + cos(latitudes[0]) * cos(latitudes[1]) * half_east * half_east;

    return rt_double(2 * EARTH_RADIUS_KM * asin(fmin(1.0, sqrt(haversine))));
}

struct rt_value expr_fn_lookup(struct expr_call *call, const struct rt_value *args, size_t count)
{
    return args[0].type == RT_MAP || args[0].type == RT_EVENT
               ? expr_op_index(call, args[0], args[1])
               : expr_no_overload(args, count);
}

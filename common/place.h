/*
 * place - a point on the Earth as a vector, so that distance needs no trigonometry and has no date line and no poles.
 *
 * Runs in: worker (matching), supervisor's metrics thread (wait model), ctl. Pure.
 * A place is a vector from the Earth's centre in km (mean radius 6371.0088 km, IUGG 1980). Two places closer than d km
 * along the ground have a chord shorter than place_chord_km(d). Floats hold it to half a metre.
 */
#pragma once

#include "base.h"

/* lat -90..90, lon -180..180 in degrees. */
void place_of(double lat, double lon, float ret_pos[static 3]);
/* Back to degrees. */
void place_degrees(const float pos[static 3], double *ret_lat, double *ret_lon);
/* The chord that belongs to km along the ground; half way round the Earth and beyond: the diameter. */
double place_chord_km(double km);
/* Kilometres along the ground for a chord. */
double place_ground_km(double chord_km);
/* A plane of hectometres laid on the equator, where a degree is as long both ways: replays of traces reckon on it in whole
 * numbers, and tell places in degrees. */
void place_plane_of(double lat, double lon, float ret_pos[static 3]);
void place_plane_degrees(double x_hm, double y_hm, double *ret_lat, double *ret_lon);
/* Square of the straight distance between two places, km². */
static inline double place_chord2(const float a[static 3], const float b[static 3])
{
    double dx = (double)a[0] - (double)b[0], dy = (double)a[1] - (double)b[1], dz = (double)a[2] - (double)b[2];
    return dx * dx + dy * dy + dz * dz;
}

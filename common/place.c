/*
 * place - vectors from degrees and back.
 *
 * It refuses nothing: ranges are checked where the degrees come from.
 */
#include "place.h"

#include <math.h>

#define EARTH_KM 6371.0088
#define DEGREE   (M_PI / 180.0)
#define DEGREE_HM (EARTH_KM * DEGREE * 10)

void place_of(double lat, double lon, float ret_pos[static 3])
{
    double ring = EARTH_KM * cos(lat * DEGREE);
    ret_pos[0] = (float)(ring * cos(lon * DEGREE));
    ret_pos[1] = (float)(ring * sin(lon * DEGREE));
    ret_pos[2] = (float)(EARTH_KM * sin(lat * DEGREE));
}

void place_degrees(const float pos[static 3], double *ret_lat, double *ret_lon)
{
    *ret_lat = atan2((double)pos[2], hypot((double)pos[0], (double)pos[1])) / DEGREE;
    *ret_lon = atan2((double)pos[1], (double)pos[0]) / DEGREE;
}

double place_chord_km(double km)
{
    return km >= M_PI * EARTH_KM ? 2 * EARTH_KM : 2 * EARTH_KM * sin(km / (2 * EARTH_KM));
}

double place_ground_km(double chord_km)
{
    double half = chord_km / (2 * EARTH_KM);
    return 2 * EARTH_KM * asin(half < 1 ? half : 1);
}

void place_plane_of(double lat, double lon, float ret_pos[static 3])
{
    ret_pos[0] = (float)rint(lon * DEGREE_HM);
    ret_pos[1] = (float)rint(lat * DEGREE_HM);
    ret_pos[2] = 0;
}

void place_plane_degrees(double x_hm, double y_hm, double *ret_lat, double *ret_lon)
{
    *ret_lat = y_hm / DEGREE_HM;
    *ret_lon = x_hm / DEGREE_HM;
}

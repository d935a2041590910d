/*
 * plot: lines over a pair of axes, as SVG that needs nothing else and looks well on
 * a light and on a dark page. Pure.
 *
 * A panel stands at x, y of the picture; its values are the caller's own, brought
 * to 0 … 1 (left to right, bottom to top) before they come here.
 */
#ifndef HARNESS_PLOT_H
#define HARNESS_PLOT_H

#include <stdbool.h>
#include <stdio.h>

struct plot_panel {
    double x, y, width, height; /* of the field that the lines are in */
};

/* The picture; title is its name for who can't see it. Texts may be strangers'. */
void plot_begin(FILE *out, double width, double height, const char *title);
void plot_end(FILE *out);

/* Above everything: a title, and smaller lines below it. */
void plot_title(FILE *out, double y, const char *text, bool small);
/* The panel's frame and what it shows. */
void plot_panel(FILE *out, const struct plot_panel *panel, const char *caption);
/* A mark at an axis, with its grid line. */
void plot_mark_x(FILE *out, const struct plot_panel *panel, double at, const char *text);
void plot_mark_y(FILE *out, const struct plot_panel *panel, double at, const char *text);
/* A line through points; colour 0 … 2 has a meaning in every panel: good, slow, bad. */
enum plot_colour { PLOT_GOOD, PLOT_SLOW, PLOT_BAD };
void plot_line(FILE *out, const struct plot_panel *panel, enum plot_colour colour,
    const double (*points)[2], size_t count);
/* The line's name, the n-th of the panel. */
void plot_key(
    FILE *out, const struct plot_panel *panel, size_t n, enum plot_colour colour, const char *text);

/* A round step (1, 2 or 5 times a power of ten) for about so many marks up to most. */
double plot_step(double most, unsigned marks);

#endif

#include "harness/plot.h"

#include <math.h>

#include "harness/markup.h"

/* Colours that hold on white and on black; text takes what the page has. */
static const char STYLE[] =
    "svg{background:#fff;color:#1f2328;font:13px/1.4 system-ui,sans-serif}"
    "text{fill:currentColor}.t{font-size:17px;font-weight:600}.s{font-size:12px;opacity:.75}"
    ".c{font-weight:600}.f{fill:none;stroke:currentColor;opacity:.35}"
    ".g{stroke:currentColor;opacity:.12}.m{font-size:11px;opacity:.8}"
    ".l{fill:none;stroke-width:2;stroke-linejoin:round}"
    ".k0{stroke:#1a7f5a}.k1{stroke:#b7791f}.k2{stroke:#c0392b}"
    "@media(prefers-color-scheme:dark){svg{background:#0d1117;color:#e6edf3}"
    ".k0{stroke:#3fb98a}.k1{stroke:#e3a33b}.k2{stroke:#ff7b72}}";

void plot_begin(FILE *out, double width, double height, const char *title)
{
    fprintf(out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %g %g\" width=\"%g\" "
        "height=\"%g\" role=\"img\" aria-label=\"",
        width, height, width, height);
    markup_attribute(out, title);
    fputs("\">\n<title>", out);
    markup_string(out, title);
    fprintf(out, "</title>\n<style>%s</style>\n", STYLE);
}

void plot_end(FILE *out)
{
    fputs("</svg>\n", out);
}

static void put_text(
    FILE *out, const char *kind, double x, double y, const char *anchor, const char *text)
{
    fprintf(
        out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", kind, x, y, anchor);
    markup_string(out, text);
    fputs("</text>\n", out);
}

void plot_title(FILE *out, double y, const char *text, bool small)
{
    put_text(out, small ? "s" : "t", 24, y, "start", text);
}

void plot_panel(FILE *out, const struct plot_panel *panel, const char *caption)
{
    put_text(out, "c", panel->x, panel->y - 10, "start", caption);
    fprintf(out, "<rect class=\"f\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
        panel->x, panel->y, panel->width, panel->height);
}

static void put_grid(FILE *out, double x1, double y1, double x2, double y2)
{
    fprintf(out, "<line class=\"g\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", x1, y1,
        x2, y2);
}

void plot_mark_x(FILE *out, const struct plot_panel *panel, double at, const char *text)
{
    double x = panel->x + at * panel->width;

    put_grid(out, x, panel->y, x, panel->y + panel->height);
    put_text(out, "m", x, panel->y + panel->height + 16, "middle", text);
}

void plot_mark_y(FILE *out, const struct plot_panel *panel, double at, const char *text)
{
    double y = panel->y + (1 - at) * panel->height;

    put_grid(out, panel->x, y, panel->x + panel->width, y);
    put_text(out, "m", panel->x - 6, y + 4, "end", text);
}

static double between(double value)
{
    return value < 0 ? 0 : value > 1 ? 1 : value;
}

void plot_line(FILE *out, const struct plot_panel *panel, enum plot_colour colour,
    const double (*points)[2], size_t count)
{
    fprintf(out, "<polyline class=\"l k%d\" points=\"", (int)colour);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s%.1f,%.1f", i ? " " : "", panel->x + between(points[i][0]) * panel->width,
            panel->y + (1 - between(points[i][1])) * panel->height);
    fputs("\"/>\n", out);
}

void plot_key(
    FILE *out, const struct plot_panel *panel, size_t n, enum plot_colour colour, const char *text)
{
    double x = panel->x + panel->width - 110 * (double)(n + 1);
    double y = panel->y - 14;

    fprintf(out, "<line class=\"l k%d\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
        (int)colour, x, y, x + 18, y);
    put_text(out, "m", x + 24, y + 4, "start", text);
}

double plot_step(double most, unsigned marks)
{
    static const double steps[] = {1, 2, 5};

    if (!(most > 0))
        return 1;
    double rough = most / marks;
    double power = pow(10, floor(log10(rough)));

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (steps[i] * power >= rough)
            return steps[i] * power;
    return 10 * power;
}

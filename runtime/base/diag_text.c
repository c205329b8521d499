/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics as text for people: the form that diag.h shows. */
#include "runtime/base/diag_list.h"

enum {
    LINE_WIDTH_MAX = 160, /* columns of a source line that are shown */
    LEAD_WIDTH = 60       /* of these, how many before the caret when the line is cut */
};

struct painter {
    struct rt_diags *diags;
    struct rt_buffer *out;
    bool color;
    int gutter; /* width of the line numbers */
};

static void paint(const struct painter *to, const char *style)
{
    if (to->color)
        rt_buffer_string(to->out, style);
}

static const char *severity_style(enum rt_severity severity)
{
    static const char *const styles[] = {"\x1b[1;36m", "\x1b[1;33m", "\x1b[1;31m"};

    return styles[severity];
}

#define STYLE_PLAIN "\x1b[0m"
#define STYLE_STRONG "\x1b[1m"
#define STYLE_FRAME "\x1b[1;34m"

/* `   |` or `12 |`; number 0: none.  No blank behind it. */
static void put_gutter(const struct painter *to, uint32_t number)
{
    paint(to, STYLE_FRAME);
    if (number == 0)
        rt_buffer_printf(to->out, "%*s |", to->gutter, "");
    else
        rt_buffer_printf(to->out, "%*u |", to->gutter, number);
    paint(to, STYLE_PLAIN);
}

/* One character as it is shown: one column for a tab or another control character. */
static struct rt_text shown(uint32_t c, bool broken, char room[4])
{
    if (c < 0x20 || (c >= 0x7f && c < 0xa0))
        return RT_TEXT(" ");
    if (broken)
        return RT_TEXT("?");
    return (struct rt_text){room, rt_utf8_put(c, room)};
}

/* Appends line[begin, end) and returns its width; `out` NULL: only measures. */
static size_t put_piece(struct rt_text text, size_t begin, size_t end, struct rt_buffer *out)
{
    size_t width = 0;

    while (begin < end) {
        size_t before = begin;
        uint32_t c = rt_utf8_next(text, &begin);
        char room[4];
        struct rt_text piece = shown(c, c == 0xfffd && begin - before == 1, room);

        width += rt_utf8_width(piece);
        if (out != NULL)
            rt_buffer_text(out, piece);
    }
    return width;
}

/* Where to begin so that what lies before `at` is at most `width` columns wide. */
static size_t cut_before(struct rt_text text, size_t begin, size_t at, size_t width)
{
    while (begin < at && put_piece(text, begin, at, NULL) > width)
        (void)rt_utf8_next(text, &begin);
    return begin;
}

/* Where to end so that it is at most `width` columns wide. */
static size_t cut_behind(struct rt_text text, size_t begin, size_t end, size_t width)
{
    size_t used = 0;

    for (size_t at = begin; at < end;) {
        size_t before = at;

        (void)rt_utf8_next(text, &at);
        used += put_piece(text, before, at, NULL);
        if (used > width)
            return before;
    }
    return end;
}

/* The part of a line that is shown: all of it, or a window round the marked place. */
struct window {
    size_t begin, end;
    bool cut_left, cut_right;
};

static struct window window_of(struct rt_text text, const struct diag_position *line, size_t mark)
{
    struct window window = {.begin = line->line_begin, .end = line->line_end};
    size_t far = line->line_begin;

    /* Only the neighbourhood is measured, so that a line of a megabyte costs no more than a short one. */
    if (mark - far > (size_t)LEAD_WIDTH * 4)
        far = mark - (size_t)LEAD_WIDTH * 4;
    while (far < mark && ((unsigned char)text.data[far] & 0xc0U) == 0x80U)
        far++;
    if (line->line_end - line->line_begin <= LINE_WIDTH_MAX)
        return window;
    window.begin = cut_before(text, far, mark, LEAD_WIDTH);
    window.cut_left = window.begin > line->line_begin;
    window.end = cut_behind(text, window.begin, line->line_end, LINE_WIDTH_MAX);
    window.cut_right = window.end < line->line_end;
    return window;
}

static void put_source_line(const struct painter *to, struct rt_text text, uint32_t number,
                            const struct window *window)
{
    put_gutter(to, number);
    if (window->end > window->begin)
        rt_buffer_char(to->out, ' ');
    if (window->cut_left)
        rt_buffer_string(to->out, "...");
    put_piece(text, window->begin, window->end, to->out);
    if (window->cut_right)
        rt_buffer_string(to->out, "...");
    rt_buffer_char(to->out, '\n');
}

/* A place: the marked line, and the line under it with the marks and the label. */
struct marking {
    struct rt_span span;
    struct diag_position at;
    char mark;
    const char *style;
    const char *label;
};

static void put_marked_line(const struct painter *to, const struct marking *marking)
{
    struct rt_text text = rt_diags_source_text(to->diags, marking->span.source);
    struct window window = window_of(text, &marking->at, marking->span.begin);
    size_t end = marking->span.end < window.end ? marking->span.end : window.end;
    size_t lead = put_piece(text, window.begin, marking->span.begin, NULL);
    size_t width = end > marking->span.begin ? put_piece(text, marking->span.begin, end, NULL) : 0;

    if (window.cut_left)
        lead += 3;
    put_source_line(to, text, marking->at.line, &window);
    put_gutter(to, 0);
    rt_buffer_printf(to->out, " %*s", (int)lead, "");
    paint(to, marking->style);
    for (size_t i = 0; i < (width == 0 ? 1 : width); i++)
        rt_buffer_char(to->out, marking->mark);
    if (marking->label != NULL)
        rt_buffer_printf(to->out, " %s", marking->label);
    paint(to, STYLE_PLAIN);
    rt_buffer_char(to->out, '\n');
}

static void put_arrow(const struct painter *to, rt_source_id source, const struct diag_position *at)
{
    paint(to, STYLE_FRAME);
    rt_buffer_printf(to->out, "%*s--> ", to->gutter, "");
    paint(to, STYLE_PLAIN);
    rt_buffer_printf(to->out, "%s:%u:%u\n", rt_diags_source_name(to->diags, source), at->line,
                     at->column);
    put_gutter(to, 0);
    rt_buffer_char(to->out, '\n');
}

/* The line above: the head of the step or block, with `...` when lines between are left out. */
static void put_context(const struct painter *to, const struct rt_diag *diag,
                        const struct diag_position *at)
{
    struct rt_text text = rt_diags_source_text(to->diags, diag->span.source);
    struct diag_position above;
    struct window window;

    if (diag->context_at > text.length)
        return;
    above = diag_position(text, diag->context_at);
    if (above.line >= at->line)
        return;
    window = window_of(text, &above, above.line_begin);
    put_source_line(to, text, above.line, &window);
    if (above.line + 1 < at->line) {
        paint(to, STYLE_FRAME);
        rt_buffer_string(to->out, "...");
        paint(to, STYLE_PLAIN);
        rt_buffer_char(to->out, '\n');
    }
}

static void put_remark(const struct painter *to, const char *word, const char *text)
{
    rt_buffer_printf(to->out, "%*s ", to->gutter, "");
    paint(to, STYLE_FRAME);
    rt_buffer_char(to->out, '=');
    paint(to, STYLE_PLAIN);
    rt_buffer_char(to->out, ' ');
    paint(to, STYLE_STRONG);
    rt_buffer_string(to->out, word);
    paint(to, STYLE_PLAIN);
    rt_buffer_string(to->out, text);
}

static void put_remarks(const struct painter *to, const struct rt_diag *diag)
{
    for (const struct diag_line *line = diag->lines; line != NULL; line = line->next) {
        put_remark(to, line->kind == DIAG_HELP ? "help: " : "note: ", line->text);
        rt_buffer_char(to->out, '\n');
        if (line->kind == DIAG_ALSO) {
            struct marking marking = {.span = line->span, .mark = '-', .style = STYLE_FRAME};

            marking.at =
                diag_position(rt_diags_source_text(to->diags, line->span.source), line->span.begin);
            put_arrow(to, line->span.source, &marking.at);
            put_marked_line(to, &marking);
        }
    }
    if (diag->fix_reads != NULL) {
        put_remark(to, "fix:  ", diag->fix_reads);
        rt_buffer_char(to->out, '\n');
    } else if (diag->fix != NULL) {
        put_remark(to, "fix:  ", "replace with `");
        rt_buffer_printf(to->out, "%s`\n", diag->fix);
    }
}

static int digits(uint32_t number)
{
    int count = 1;

    while (number >= 10) {
        number /= 10;
        count++;
    }
    return count;
}

static int gutter_width(struct rt_diags *diags, const struct rt_diag *diag, uint32_t line)
{
    int width = digits(line);

    for (const struct diag_line *also = diag->lines; also != NULL; also = also->next) {
        struct rt_text text;
        int other;

        if (also->kind != DIAG_ALSO)
            continue;
        text = rt_diags_source_text(diags, also->span.source);
        other = digits(diag_position(text, also->span.begin).line);
        if (other > width)
            width = other;
    }
    return width;
}

static void put_entry(struct painter *to, const struct rt_diag *diag)
{
    bool has_remarks = diag->lines != NULL || diag->fix != NULL || diag->fix_reads != NULL;

    paint(to, severity_style(diag->severity));
    rt_buffer_printf(to->out, "%s[%c%03u]", diag_severity_name(diag->severity),
                     diag_severity_letter(diag->severity), diag->code);
    paint(to, STYLE_PLAIN);
    paint(to, STYLE_STRONG);
    rt_buffer_printf(to->out, ": %s", diag->message);
    paint(to, STYLE_PLAIN);
    rt_buffer_char(to->out, '\n');
    to->gutter = 1;
    if (diag->span.source != RT_NO_SOURCE) {
        struct marking marking = {.span = diag->span,
                                  .mark = '^',
                                  .style = severity_style(diag->severity),
                                  .label = diag->label};

        marking.at =
            diag_position(rt_diags_source_text(to->diags, diag->span.source), diag->span.begin);
        to->gutter = gutter_width(to->diags, diag, marking.at.line);
        put_arrow(to, diag->span.source, &marking.at);
        put_context(to, diag, &marking.at);
        put_marked_line(to, &marking);
        if (has_remarks) {
            put_gutter(to, 0);
            rt_buffer_char(to->out, '\n');
        }
    }
    put_remarks(to, diag);
    rt_buffer_char(to->out, '\n');
}

static void put_left_out(struct painter *to, rt_source_id source)
{
    const struct diag_source *of =
        &to->diags->sources[source == RT_NO_SOURCE ? 0 : (size_t)source + 1];

    for (int severity = RT_SEVERITY_ERROR; severity >= RT_SEVERITY_NOTE; severity--) {
        size_t left_out = of->counts[severity] - of->kept[severity];

        if (left_out == 0)
            continue;
        if (of->name != NULL)
            rt_buffer_printf(to->out, "%s: ", of->name);
        rt_buffer_printf(to->out, "%zu more %s%s not shown\n\n", left_out,
                         diag_severity_name((enum rt_severity)severity), left_out == 1 ? "" : "s");
    }
}

void rt_diags_render_text(struct rt_diags *diags, bool color, struct rt_buffer *out)
{
    struct painter to = {.diags = diags, .out = out, .color = color};

    diag_sort(diags);
    for (size_t i = 0; i < diags->entry_count; i++) {
        rt_source_id source = diags->entries[i]->span.source;

        put_entry(&to, diags->entries[i]);
        if (i + 1 == diags->entry_count || diags->entries[i + 1]->span.source != source)
            put_left_out(&to, source);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The list of diagnostics: collecting, limits, places.  How it looks is diag_text.c and diag_json.c. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/base/diag_list.h"

enum { PER_SOURCE_MAX = 20, MESSAGE_BYTES_MAX = 2000 };

/* Sources are copied, so the bound is that of all rule files together. */
static const size_t list_bytes_max = (size_t)1 << 30;

/* Room for one more element in an array that doubles. */
static bool grow(void **array, size_t *capacity, size_t count, size_t element_bytes)
{
    size_t wanted = *capacity == 0 ? 8 : *capacity * 2;
    void *larger;

    if (count < *capacity)
        return true;
    larger = rt_realloc(*array, wanted * element_bytes);
    if (larger == NULL)
        return false;
    *array = larger;
    *capacity = wanted;
    return true;
}

static struct diag_source *add_source(struct rt_diags *diags)
{
    struct diag_source *source;
    void *array = diags->sources;

    if (!grow(&array, &diags->source_capacity, diags->source_count, sizeof(*source)))
        return NULL;
    diags->sources = array;
    source = &diags->sources[diags->source_count++];
    *source = (struct diag_source){.name = NULL};
    return source;
}

enum rt_status rt_diags_new(size_t per_source_max, struct rt_diags **out)
{
    struct rt_diags *diags = rt_alloc_zeroed(1, sizeof(*diags));

    if (diags == NULL)
        return RT_ERR_NOMEM;
    rt_arena_init(&diags->arena, list_bytes_max);
    diags->per_source_max = per_source_max == 0 ? PER_SOURCE_MAX : per_source_max;
    if (add_source(diags) == NULL) {
        rt_diags_free(diags);
        return RT_ERR_NOMEM;
    }
    *out = diags;
    return RT_OK;
}

void rt_diags_free(struct rt_diags *diags)
{
    if (diags == NULL)
        return;
    rt_arena_done(&diags->arena);
    rt_free(diags->sources);
    rt_free(diags->entries);
    rt_free(diags);
}

/* Valid UTF-8 without control characters, so that no text can break the layout or the terminal. */
static void put_clean(struct rt_text text, char *out)
{
    size_t at = 0;
    size_t length = 0;

    while (at < text.length) {
        size_t begin = at;
        uint32_t c = rt_utf8_next(text, &at);

        if (c < 0x20 || (c >= 0x7f && c < 0xa0))
            out[length++] = ' ';
        else if (c == 0xfffd && at - begin == 1)
            out[length++] = '?';
        else
            length += rt_utf8_put(c, out + length);
    }
    out[length] = '\0';
}

/* A clean copy in the list's arena; cut at a character when it is very long.  NULL without memory. */
static const char *clean_copy(struct rt_diags *diags, struct rt_text text)
{
    char *out;

    if (text.length > MESSAGE_BYTES_MAX) {
        text.length = MESSAGE_BYTES_MAX;
        while (((unsigned char)text.data[text.length] & 0xc0U) == 0x80U && text.length > 0)
            text.length--;
    }
    out = rt_arena_raw(&diags->arena, text.length + 1);
    if (out == NULL) {
        diags->failed = true;
        return NULL;
    }
    put_clean(text, out);
    return out;
}

static const char *format_text(struct rt_diags *diags, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
static const char *format_text(struct rt_diags *diags, const char *format, va_list args)
{
    char buffer[MESSAGE_BYTES_MAX + 1];
    int length = vsnprintf(buffer, sizeof(buffer), format, args);

    if (length < 0)
        length = 0;
    if ((size_t)length > MESSAGE_BYTES_MAX)
        length = MESSAGE_BYTES_MAX;
    return clean_copy(diags, (struct rt_text){buffer, (size_t)length});
}

rt_source_id rt_diags_add_source(struct rt_diags *diags, const char *name, struct rt_text text)
{
    const char *name_copy = clean_copy(diags, rt_text_of(name));
    char *text_copy = rt_arena_text(&diags->arena, text.data == NULL ? "" : text.data, text.length);
    struct diag_source *source;

    if (name_copy == NULL || text_copy == NULL || text.length >= UINT32_MAX ||
        (source = add_source(diags)) == NULL) {
        diags->failed = true;
        return RT_NO_SOURCE;
    }
    source->name = name_copy;
    source->text = (struct rt_text){text_copy, text.length};
    return (rt_source_id)(diags->source_count - 2);
}

/* The entry of an id; RT_NO_SOURCE wraps round to the first, which has no place. */
static struct diag_source *source_of(const struct rt_diags *diags, rt_source_id source)
{
    size_t index = source == RT_NO_SOURCE ? 0 : (size_t)source + 1;

    RT_ASSERT(index < diags->source_count);
    return &diags->sources[index];
}

struct rt_text rt_diags_source_text(const struct rt_diags *diags, rt_source_id source)
{
    return source_of(diags, source)->text;
}

const char *rt_diags_source_name(const struct rt_diags *diags, rt_source_id source)
{
    return source_of(diags, source)->name;
}

size_t rt_diags_source_errors(const struct rt_diags *diags, rt_source_id source,
                              enum rt_severity severity)
{
    return source_of(diags, source)->counts[severity];
}

/* A place inside its text, whatever the reporter computed. */
static struct rt_span clamp_span(const struct diag_source *source, struct rt_span span)
{
    uint32_t length = (uint32_t)source->text.length;

    if (span.source == RT_NO_SOURCE)
        return RT_NO_SPAN;
    if (span.end > length)
        span.end = length;
    if (span.begin > span.end)
        span.begin = span.end;
    return span;
}

static bool is_known(const struct diag_source *source, unsigned code, struct rt_span span,
                     const char *message)
{
    for (const struct rt_diag *diag = source->entries; diag != NULL; diag = diag->next_of_source) {
        if (diag->code != code || diag->span.begin != span.begin || diag->span.end != span.end)
            continue;
        if (span.source != RT_NO_SOURCE || strcmp(diag->message, message) == 0)
            return true;
    }
    return false;
}

static struct rt_diag *reset_dummy(struct rt_diags *diags)
{
    diags->dummy = (struct rt_diag){.context_at = UINT32_MAX};
    diags->dummy.lines_end = &diags->dummy.lines;
    return &diags->dummy;
}

static struct rt_diag *keep(struct rt_diags *diags, struct diag_source *source,
                            const struct rt_diag *facts)
{
    struct rt_diag *diag = rt_arena_alloc(&diags->arena, sizeof(*diag));
    void *array = diags->entries;

    if (diag == NULL ||
        !grow(&array, &diags->entry_capacity, diags->entry_count, sizeof(struct rt_diag *))) {
        diags->failed = true;
        return reset_dummy(diags);
    }
    diags->entries = array;
    *diag = *facts;
    diag->lines_end = &diag->lines;
    diag->next_of_source = source->entries;
    source->entries = diag;
    source->kept[diag->severity]++;
    diags->entries[diags->entry_count++] = diag;
    diags->sorted = false;
    return diag;
}

struct rt_diag *rt_diag_add(struct rt_diags *diags, enum rt_severity severity, unsigned code,
                            struct rt_span span, const char *format, ...)
{
    struct diag_source *source = source_of(diags, span.source);
    struct rt_diag facts = {.severity = severity,
                            .code = code,
                            .span = clamp_span(source, span),
                            .sequence = diags->sequence++,
                            .context_at = UINT32_MAX};
    va_list args;

    if (diags->failed) {
        source->counts[severity]++;
        return reset_dummy(diags);
    }
    va_start(args, format);
    facts.message = format_text(diags, format, args);
    va_end(args);
    if (facts.message == NULL) {
        source->counts[severity]++;
        return reset_dummy(diags);
    }
    if (is_known(source, code, facts.span, facts.message))
        return reset_dummy(diags);
    source->counts[severity]++;
    if (source->kept[severity] >= diags->per_source_max)
        return reset_dummy(diags);
    return keep(diags, source, &facts);
}

void rt_diag_label(struct rt_diags *diags, struct rt_diag *diag, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (diag != &diags->dummy)
        diag->label = format_text(diags, format, args);
    va_end(args);
}

void rt_diag_fix(struct rt_diags *diags, struct rt_diag *diag, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (diag != &diags->dummy)
        diag->fix = format_text(diags, format, args);
    va_end(args);
}

void rt_diag_fix_reads(struct rt_diags *diags, struct rt_diag *diag, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (diag != &diags->dummy)
        diag->fix_reads = format_text(diags, format, args);
    va_end(args);
}

void rt_diag_context(struct rt_diags *diags, struct rt_diag *diag, uint32_t at)
{
    if (diag != &diags->dummy && diag->span.source != RT_NO_SOURCE)
        diag->context_at = at;
}

static void add_line(struct rt_diags *diags, struct rt_diag *diag, struct diag_line line)
{
    struct diag_line *copy;

    if (diag == &diags->dummy || line.text == NULL)
        return;
    copy = rt_arena_alloc(&diags->arena, sizeof(*copy));
    if (copy == NULL) {
        diags->failed = true;
        return;
    }
    *copy = line;
    *diag->lines_end = copy;
    diag->lines_end = &copy->next;
}

void rt_diag_help(struct rt_diags *diags, struct rt_diag *diag, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_line(diags, diag,
             (struct diag_line){.kind = DIAG_HELP, .text = format_text(diags, format, args)});
    va_end(args);
}

void rt_diag_note(struct rt_diags *diags, struct rt_diag *diag, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_line(diags, diag,
             (struct diag_line){.kind = DIAG_NOTE, .text = format_text(diags, format, args)});
    va_end(args);
}

void rt_diag_also(struct rt_diags *diags, struct rt_diag *diag, struct rt_span span,
                  const char *format, ...)
{
    struct diag_source *source = source_of(diags, span.source);
    enum diag_line_kind kind = span.source == RT_NO_SOURCE ? DIAG_NOTE : DIAG_ALSO;
    va_list args;

    va_start(args, format);
    add_line(diags, diag,
             (struct diag_line){.kind = kind,
                                .text = format_text(diags, format, args),
                                .span = clamp_span(source, span)});
    va_end(args);
}

size_t rt_diags_count(const struct rt_diags *diags, enum rt_severity severity)
{
    size_t count = 0;

    for (size_t i = 0; i < diags->source_count; i++)
        count += diags->sources[i].counts[severity];
    return count;
}

bool rt_diags_failed(const struct rt_diags *diags)
{
    return diags->failed;
}

size_t rt_diags_size(const struct rt_diags *diags)
{
    return diags->entry_count;
}

struct diag_position diag_position(struct rt_text text, uint32_t offset)
{
    struct diag_position at = {.line = 1};
    const char *stop;

    RT_ASSERT(offset <= text.length);
    for (size_t i = 0; i < offset; i++) {
        if (text.data[i] == '\n') {
            at.line++;
            at.line_begin = i + 1;
        }
    }
    stop = memchr(text.data + at.line_begin, '\n', text.length - at.line_begin);
    at.line_end = stop == NULL ? text.length : (size_t)(stop - text.data);
    if (at.line_end > at.line_begin && text.data[at.line_end - 1] == '\r' && at.line_end > offset)
        at.line_end--;
    if (at.line == 1 && rt_text_starts_with(text, RT_TEXT("\xef\xbb\xbf")) && offset >= 3)
        at.line_begin = 3; /* a byte order mark has no column */
    at.column = 1;
    for (size_t i = at.line_begin; i < offset;) {
        (void)rt_utf8_next(text, &i);
        at.column++;
    }
    return at;
}

/* Entries without a place come last: they are about the call, not about a file. */
static int compare_entries(const void *left, const void *right)
{
    const struct rt_diag *a = *(const struct rt_diag *const *)left;
    const struct rt_diag *b = *(const struct rt_diag *const *)right;

    if (a->span.source != b->span.source)
        return a->span.source < b->span.source ? -1 : 1;
    if (a->span.begin != b->span.begin)
        return a->span.begin < b->span.begin ? -1 : 1;
    return (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

void diag_sort(struct rt_diags *diags)
{
    if (!diags->sorted && diags->entry_count > 1)
        qsort(diags->entries, diags->entry_count, sizeof(struct rt_diag *), compare_entries);
    diags->sorted = true;
}

const char *diag_severity_name(enum rt_severity severity)
{
    static const char *const names[] = {"note", "warning", "error"};

    return names[severity];
}

char diag_severity_letter(enum rt_severity severity)
{
    return "NWE"[severity];
}

/* The texts of one kind of line as an array; second places count as notes. */
static const char *const *collect(struct rt_diags *diags, const struct rt_diag *diag, bool helps,
                                  size_t *out_count)
{
    size_t count = 0;
    const char **texts;

    for (const struct diag_line *line = diag->lines; line != NULL; line = line->next)
        count += (line->kind == DIAG_HELP) == helps;
    texts = rt_arena_array(&diags->arena, count, sizeof(*texts));
    *out_count = 0;
    if (texts == NULL) {
        diags->failed = count > 0;
        return NULL;
    }
    for (const struct diag_line *line = diag->lines; line != NULL; line = line->next) {
        if ((line->kind == DIAG_HELP) == helps)
            texts[(*out_count)++] = line->text;
    }
    return texts;
}

struct rt_diag_view rt_diags_at(struct rt_diags *diags, size_t index)
{
    struct rt_diag_view view;
    const struct rt_diag *diag;

    RT_ASSERT(index < diags->entry_count);
    diag_sort(diags);
    diag = diags->entries[index];
    view = (struct rt_diag_view){.severity = diag->severity,
                                 .code = diag->code,
                                 .span = diag->span,
                                 .message = diag->message,
                                 .label = diag->label,
                                 .fix = diag->fix};
    if (diag->span.source != RT_NO_SOURCE) {
        struct rt_text text = rt_diags_source_text(diags, diag->span.source);
        struct diag_position begin = diag_position(text, diag->span.begin);
        struct diag_position end = diag_position(text, diag->span.end);

        view.source_name = rt_diags_source_name(diags, diag->span.source);
        view.line = begin.line;
        view.column = begin.column;
        view.end_line = end.line;
        view.end_column = end.column;
    }
    view.helps = collect(diags, diag, true, &view.help_count);
    view.notes = collect(diags, diag, false, &view.note_count);
    return view;
}

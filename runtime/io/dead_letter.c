/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/io/dead_letter.h"

/* The longest prefix of at most `max` bytes that does not cut a code point, if the text is UTF-8. */
static struct rt_text cut(struct rt_text text, size_t max)
{
    if (text.length <= max)
        return text;

    size_t length = max;

    while (length > 0 && max - length < 4 && ((unsigned char)text.data[length] & 0xC0) == 0x80)
        length--;
    return (struct rt_text){text.data, length};
}

void rt_dead_letter_json(const struct rt_dead_letter *letter, struct rt_buffer *out)
{
    const struct rt_record *record = letter->record;
    struct rt_text whole = {record->data, record->length};
    struct rt_text text = cut(whole, RT_DEAD_LETTER_RAW_MAX);

    rt_buffer_string(out, "{\"v\":1,\"reason\":\"");
    rt_buffer_string(out, rt_reject_name(letter->reason));
    if (letter->detail != NULL) {
        rt_buffer_string(out, "\",\"detail\":");
        rt_buffer_json_string(out, rt_text_of(letter->detail));
        rt_buffer_string(out, ",\"source\":");
    } else {
        rt_buffer_string(out, "\",\"source\":");
    }
    rt_buffer_json_string(out, rt_text_of(letter->source));
    rt_buffer_string(out, ",\"partition\":");
    rt_buffer_uint(out, record->position.partition);
    rt_buffer_string(out, ",\"offset\":");
    rt_buffer_uint(out, record->position.offset);
    rt_buffer_string(out, ",\"bytes\":");
    rt_buffer_uint(out, record->bytes);
    if (rt_utf8_valid(text)) {
        rt_buffer_string(out, ",\"raw\":");
        rt_buffer_json_string(out, text);
        rt_buffer_char(out, '}');
        return;
    }
    if (whole.length > RT_DEAD_LETTER_RAW_MAX)
        whole.length = RT_DEAD_LETTER_RAW_MAX;
    rt_buffer_string(out, ",\"raw_base64\":\"");
    rt_buffer_base64(out, whole.data, whole.length);
    rt_buffer_string(out, "\"}");
}

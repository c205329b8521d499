/* SPDX-License-Identifier: Apache-2.0 */
/* Options by name, and the memory of alerts given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cep/dedup.h"
#include "cep/options.h"
#include "runtime/base/alloc.h"

static void an_option_takes_what_its_kind_allows(void **state)
{
    static const struct {
        const char *name, *value;
        enum rt_status status;
    } cases[] = {
        {"state.limits.keys", "12", RT_OK},
        {"state.limits.keys", "0", RT_ERR_DATA},
        {"state.limits.keys", "-1", RT_ERR_DATA},
        {"state.limits.keys", "1kB", RT_ERR_DATA},
        {"state.limits.keys", "99999999999999999999", RT_ERR_DATA},
        {"state.limits.memory", "2GB", RT_OK},
        {"state.limits.memory", "2TB", RT_ERR_DATA},
        {"state.limits.captured_bytes", "1MiB", RT_OK},
        {"state.limits.captured_bytes", "18446744073709551615KiB", RT_ERR_DATA},
        {"state.limits.on_limit", "stop", RT_OK},
        {"state.limits.on_limit", "panic", RT_ERR_DATA},
        {"state.limits.nonsense", "1", RT_ERR_NOT_FOUND},
    };
    struct cep_options options = cep_options_standard();
    size_t count;

    (void)state;
    assert_int_equal(options.partials_per_key, 1000);
    assert_int_equal(options.on_limit, NFA_DROP_OLDEST);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(
            cep_options_set(&options, rt_text_of(cases[i].name), rt_text_of(cases[i].value)),
            cases[i].status);
    assert_int_equal(options.keys, 12);
    assert_int_equal(options.memory, 2000000000);
    assert_int_equal(options.captured_bytes, 1048576);
    assert_int_equal(options.on_limit, NFA_STOP);
    (void)cep_option_names(&count);
    assert_int_equal(count, 9);
}

static const struct cep_dedup_limit once = {.span = {10}, .max = 1};
static const struct cep_dedup_limit thrice = {.span = {10}, .max = 3, .tells = true};

static bool held_back(struct cep_dedup *dedup, uint64_t key, int64_t at)
{
    struct cep_dedup_answer answer;

    cep_dedup_advance(dedup, (rt_time){at});
    assert_int_equal(
        cep_dedup_check(dedup, (struct rt_hash128){key, key}, (rt_time){at}, &once, &answer),
        RT_OK);
    return answer.left_out;
}

/* -1: left out; otherwise how many it tells of. */
static int limited(struct cep_dedup *dedup, uint64_t key, int64_t at)
{
    struct cep_dedup_answer answer;

    cep_dedup_advance(dedup, (rt_time){at});
    assert_int_equal(
        cep_dedup_check(dedup, (struct rt_hash128){key, key}, (rt_time){at}, &thrice, &answer),
        RT_OK);
    return answer.left_out ? -1 : (int)answer.told;
}

static void an_alert_is_held_back_until_the_span_after_the_last_given_one(void **state)
{
    struct cep_dedup dedup = {0};

    (void)state;
    assert_int_equal(cep_dedup_init(&dedup), RT_OK);
    assert_false(held_back(&dedup, 1, 100));
    assert_false(held_back(&dedup, 2, 100));
    assert_true(held_back(&dedup, 1, 100));
    assert_true(held_back(&dedup, 1, 105));
    assert_true(held_back(&dedup, 1, 109));
    assert_false(held_back(&dedup, 1, 110)); /* exactly the span later */
    assert_true(held_back(&dedup, 1, 119));
    assert_false(held_back(&dedup, 1, 120));
    cep_dedup_done(&dedup);
}

static void keys_that_never_return_are_forgotten(void **state)
{
    struct cep_dedup dedup = {0};
    size_t before = rt_live_blocks();

    (void)state;
    assert_int_equal(cep_dedup_init(&dedup), RT_OK);
    for (uint64_t i = 0; i < 100000; i++) {
        assert_false(held_back(&dedup, i, (int64_t)i));
        assert_true(dedup.table.count <= 10);
    }
    cep_dedup_advance(&dedup, RT_TIME_MAX);
    assert_int_equal(cep_dedup_bytes(&dedup), 0);
    cep_dedup_done(&dedup);
    assert_int_equal(rt_live_blocks(), before);
}

static void an_alert_that_cannot_be_remembered_is_not_half_remembered(void **state)
{
    struct cep_dedup dedup = {0};
    struct cep_dedup_answer answer;
    size_t nth;

    (void)state;
    assert_int_equal(cep_dedup_init(&dedup), RT_OK);
    for (nth = 1;; nth++) {
        rt_fault_arm(nth);
        enum rt_status status =
            cep_dedup_check(&dedup, (struct rt_hash128){9, 9}, (rt_time){5}, &once, &answer);

        if (!rt_fault_disarm())
            break;
        assert_int_equal(status, RT_ERR_NOMEM);
        assert_int_equal(cep_dedup_bytes(&dedup), 0);
    }
    assert_int_equal(nth, 3);
    assert_false(answer.left_out);
    cep_dedup_done(&dedup);
}

static void a_rate_limit_gives_so_many_in_a_span_and_tells_of_the_others(void **state)
{
    struct cep_dedup dedup = {0};

    (void)state;
    assert_int_equal(cep_dedup_init(&dedup), RT_OK);
    for (int64_t at = 100; at < 103; at++)
        assert_int_equal(limited(&dedup, 1, at), 0);
    assert_int_equal(limited(&dedup, 1, 103), -1);
    assert_int_equal(limited(&dedup, 2, 103), 0);
    assert_int_equal(limited(&dedup, 1, 109), -1);
    assert_int_equal(limited(&dedup, 1, 110), 2); /* exactly the span later */
    assert_int_equal(limited(&dedup, 1, 111), 0);
    assert_int_equal(limited(&dedup, 1, 112), 0);
    assert_int_equal(limited(&dedup, 1, 113), -1);
    assert_int_equal(limited(&dedup, 1, 129), 1); /* the last moment it is remembered */
    assert_int_equal(limited(&dedup, 1, 130), 0);
    assert_int_equal(limited(&dedup, 1, 131), 0);
    assert_int_equal(limited(&dedup, 1, 132), -1);
    assert_int_equal(limited(&dedup, 1, 160), 0); /* too long ago to be told */
    cep_dedup_done(&dedup);
}

static void load_all(const struct cep_dedup *from, struct cep_dedup *into)
{
    for (size_t i = 0; i < from->table.capacity; i++) {
        const struct rt_key_line *line = rt_key_table_at(&from->table, i);
        struct rt_hash128 key;
        struct rt_buffer form;

        if (line == NULL)
            continue;
        memcpy(&key, rt_key_line_key(line).data, sizeof(key));
        rt_buffer_init(&form, SIZE_MAX);
        cep_dedup_save(line, &form);
        assert_int_equal(cep_dedup_load(into, key, rt_buffer_view(&form)), RT_OK);
        rt_buffer_done(&form);
    }
}

/* Both are asked the same from here on. */
static void what_is_saved_goes_on_as_if_nothing_had_happened(void **state)
{
    struct cep_dedup first = {0};
    uint64_t random = 7;

    (void)state;
    assert_int_equal(cep_dedup_init(&first), RT_OK);
    for (int64_t at = 0; at < 300; at++) {
        struct cep_dedup second = {0};

        random = random * 6364136223846793005 + 1442695040888963407;
        assert_int_equal(cep_dedup_init(&second), RT_OK);
        load_all(&first, &second);
        assert_int_equal(second.table.count, first.table.count);
        if (at % 2 == 0)
            assert_int_equal(limited(&first, random >> 62, at), limited(&second, random >> 62, at));
        else
            assert_int_equal(held_back(&first, 10 + (random >> 62), at),
                             held_back(&second, 10 + (random >> 62), at));
        cep_dedup_done(&first);
        first = second;
    }
    cep_dedup_advance(&first, RT_TIME_MAX);
    assert_int_equal(cep_dedup_bytes(&first), 0);
    cep_dedup_done(&first);
}

static void a_saved_entry_that_is_none_is_refused(void **state)
{
    const struct rt_text forms[] = {RT_TEXT(""), RT_TEXT("\x02\x00\x01"),
                                    RT_TEXT("\x02\x00\x00\x00"), RT_TEXT("\x02\x00\x01\x00\x00")};
    const struct rt_hash128 key = {3, 4};
    struct cep_dedup dedup = {0};

    (void)state;
    assert_int_equal(cep_dedup_init(&dedup), RT_OK);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        assert_int_equal(cep_dedup_load(&dedup, key, forms[i]), RT_ERR_CORRUPT);
    assert_int_equal(cep_dedup_bytes(&dedup), 0);
    assert_int_equal(cep_dedup_load(&dedup, key, RT_TEXT("\x02\x00\x01\x00")), RT_OK);
    assert_int_equal(cep_dedup_load(&dedup, key, RT_TEXT("\x02\x00\x01\x00")), RT_ERR_CORRUPT);
    cep_dedup_done(&dedup);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_option_takes_what_its_kind_allows),
        cmocka_unit_test(an_alert_is_held_back_until_the_span_after_the_last_given_one),
        cmocka_unit_test(keys_that_never_return_are_forgotten),
        cmocka_unit_test(a_rate_limit_gives_so_many_in_a_span_and_tells_of_the_others),
        cmocka_unit_test(what_is_saved_goes_on_as_if_nothing_had_happened),
        cmocka_unit_test(a_saved_entry_that_is_none_is_refused),
        cmocka_unit_test(an_alert_that_cannot_be_remembered_is_not_half_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The marker in the committed offsets, and what follows from all of them: the recovery table, row by row. */
#include <string.h>

#include "runtime/io/kafka_marker.h"
#include "tests/support/unit.h"

static const char marker_7[] = "v1;job=0a1b2c3d;ck=7;h=00112233aabbccdd;t=1767225600000";
static const char marker_8[] = "v1;job=0a1b2c3d;ck=8;h=00112233aabbccdd;t=1767225600000";
static const char marker_7_other_hash[] = "v1;job=0a1b2c3d;ck=7;h=00112233aabbccde;t=1767225600000";
static const char marker_other_job[] = "v1;job=0a1b2c3e;ck=7;h=00112233aabbccdd;t=1767225600000";

static void a_marker_reads_back_as_it_was_written(void **state)
{
    struct rt_kafka_marker marker = {0x0a1b2c3d, 7, 0x00112233aabbccddULL, {1767225600000}}, back;
    char text[RT_KAFKA_MARKER_MAX];

    (void)state;
    rt_kafka_marker_text(&marker, text);
    assert_string_equal(text, marker_7);
    assert_true(rt_kafka_marker_read(rt_text_of(text), &back));
    assert_int_equal(back.job, marker.job);
    assert_int_equal(back.checkpoint, marker.checkpoint);
    assert_int_equal(back.hash, marker.hash);
    assert_int_equal(back.reached.ms, marker.reached.ms);
}

static void the_longest_marker_and_one_without_a_watermark_read_back(void **state)
{
    const rt_time times[] = {RT_TIME_MIN, {-1}, {0}, {INT64_MIN + 1}, RT_TIME_MAX};
    struct rt_kafka_marker marker = {UINT32_MAX, UINT64_MAX, UINT64_MAX, {0}}, back;
    char text[RT_KAFKA_MARKER_MAX];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        marker.reached = times[i];
        rt_kafka_marker_text(&marker, text);
        assert_true(rt_kafka_marker_read(rt_text_of(text), &back));
        assert_int_equal(back.checkpoint, UINT64_MAX);
        assert_int_equal(back.reached.ms, times[i].ms);
    }
}

static void anything_else_is_not_a_marker(void **state)
{
    static const char *const texts[] = {
        "",
        "v1",
        "offset of somebody",
        "v2;job=0a1b2c3d;ck=7;h=00112233aabbccdd;t=1",
        "v1;job=0a1b2c3d;ck=;h=00112233aabbccdd;t=1",
        "v1;job=0a1b2c3d;ck=-1;h=00112233aabbccdd;t=1",
        "v1;job=0a1b2c3d;ck=99999999999999999999;h=00112233aabbccdd;t=1",
        "v1;job=0A1B2C3D;ck=7;h=00112233aabbccdd;t=1",
        "v1;job=0a1b2c3d;ck=7;h=00112233aabbccd;t=1",
        "v1;job=0a1b2c3d;ck=7;h=00112233aabbccddd;t=1",
        "v1;job=0a1b2c3d;ck=7;h=00112233aabbccdd ;t=1",
        "v1;job=0a1b2c3;ck=7;h=00112233aabbccdd;t=1",
        "v1;job=0a1b2c3d;ck=7;h=00112233aabbccdd",
        "v1;job=0a1b2c3d;ck=7;h=00112233aabbccdd;t=",
        "v1;job=0a1b2c3d;ck=7;h=00112233aabbccdd;t=1x",
        "v1;job=0a1b2c3d;ck=7;h=00112233aabbccdd;t=--1",
        "v1;job=0a1b2c3d;ck=7;h=00112233aabbccdd;t=9223372036854775808",
    };
    struct rt_kafka_marker marker;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_false(rt_kafka_marker_read(rt_text_of(texts[i]), &marker));
}

/* What is committed for the partitions t/0, t/1, t/2: NULL is no offset, "" an offset without metadata. */
struct row {
    const char *committed[3];
    bool has_checkpoints, take_new;
    enum rt_kafka_recover recover;
    enum rt_kafka_course course;
    enum rt_kafka_stop stop;
    const char *says;
};

static const struct row rows[] = {
    {{marker_7, marker_7, marker_7}, true, false, RT_KAFKA_RECOVER_STRICT, RT_KAFKA_RESTORE, 0, ""},
    {{NULL, NULL, NULL}, false, false, RT_KAFKA_RECOVER_STRICT, RT_KAFKA_FRESH, 0, ""},
    {{NULL, NULL, NULL},
     true,
     false,
     RT_KAFKA_RECOVER_STRICT,
     RT_KAFKA_REFUSE,
     RT_KAFKA_STOP_OFFSETS_GONE,
     "kafka/offsets-gone: the state directory has checkpoint 9, but the group has no committed "
     "offsets; "},
    {{NULL, NULL, NULL}, true, false, RT_KAFKA_RECOVER_CHECKPOINT, RT_KAFKA_NEWEST, 0, ""},
    {{marker_7, marker_7, marker_7},
     false,
     false,
     RT_KAFKA_RECOVER_STRICT,
     RT_KAFKA_REFUSE,
     RT_KAFKA_STOP_CHECKPOINT_MISSING,
     "kafka/checkpoint-missing: the committed offsets name checkpoint 7, and the state directory "
     "has none; "},
    {{marker_7, marker_7, marker_7},
     false,
     false,
     RT_KAFKA_RECOVER_OFFSETS,
     RT_KAFKA_OFFSETS,
     0,
     ""},
    {{marker_7, "", marker_7},
     true,
     false,
     RT_KAFKA_RECOVER_STRICT,
     RT_KAFKA_REFUSE,
     RT_KAFKA_STOP_OFFSETS_FOREIGN,
     "kafka/offsets-foreign: offset 11 of t/1 was not committed by Egret; "},
    {{"", "", ""}, true, false, RT_KAFKA_RECOVER_OFFSETS, RT_KAFKA_OFFSETS, 0, ""},
    {{"", "", ""},
     false,
     false,
     RT_KAFKA_RECOVER_STRICT,
     RT_KAFKA_REFUSE,
     RT_KAFKA_STOP_OFFSETS_FOREIGN,
     "kafka/offsets-foreign: "},
    {{marker_7, NULL, marker_7},
     true,
     false,
     RT_KAFKA_RECOVER_STRICT,
     RT_KAFKA_REFUSE,
     RT_KAFKA_STOP_PARTITION_NEW,
     "kafka/partition-new: t/1 has no committed offset, the other partitions have; "},
    {{marker_7, marker_7, NULL}, true, true, RT_KAFKA_RECOVER_STRICT, RT_KAFKA_RESTORE, 0, ""},
    {{marker_7, marker_7, marker_8},
     true,
     false,
     RT_KAFKA_RECOVER_STRICT,
     RT_KAFKA_REFUSE,
     RT_KAFKA_STOP_OFFSETS_MIXED,
     "kafka/offsets-mixed: t/2 names another checkpoint than the other partitions; "},
    {{marker_7, marker_7_other_hash, marker_7},
     true,
     true,
     RT_KAFKA_RECOVER_STRICT,
     RT_KAFKA_REFUSE,
     RT_KAFKA_STOP_OFFSETS_MIXED,
     "kafka/offsets-mixed: t/1 "},
    {{marker_other_job, marker_other_job, marker_other_job},
     true,
     false,
     RT_KAFKA_RECOVER_STRICT,
     RT_KAFKA_REFUSE,
     RT_KAFKA_STOP_OTHER_JOB,
     "kafka/other-job: the committed offsets are of job 0a1b2c3e, the state directory is of job "
     "0a1b2c3d; "},
    /* A state that is there is gone on from; one that is lost is made anew; somebody else's stays as it is. */
    {{marker_7, marker_7, marker_7}, true, false, RT_KAFKA_RECOVER_REPLAY, RT_KAFKA_RESTORE, 0, ""},
    {{marker_7, marker_7, marker_7}, false, false, RT_KAFKA_RECOVER_REPLAY, RT_KAFKA_REPLAY, 0, ""},
    {{marker_7, NULL, marker_7}, false, true, RT_KAFKA_RECOVER_REPLAY, RT_KAFKA_REPLAY, 0, ""},
    {{NULL, NULL, NULL}, false, false, RT_KAFKA_RECOVER_REPLAY, RT_KAFKA_FRESH, 0, ""},
    {{marker_7, NULL, marker_7},
     false,
     false,
     RT_KAFKA_RECOVER_REPLAY,
     RT_KAFKA_REFUSE,
     RT_KAFKA_STOP_PARTITION_NEW,
     "kafka/partition-new: t/1 "},
    {{marker_7, marker_8, marker_7},
     false,
     false,
     RT_KAFKA_RECOVER_REPLAY,
     RT_KAFKA_REFUSE,
     RT_KAFKA_STOP_OFFSETS_MIXED,
     "kafka/offsets-mixed: "},
    {{marker_7, "", marker_7},
     false,
     false,
     RT_KAFKA_RECOVER_REPLAY,
     RT_KAFKA_REFUSE,
     RT_KAFKA_STOP_OFFSETS_FOREIGN,
     "kafka/offsets-foreign: "},
    {{marker_other_job, marker_other_job, marker_other_job},
     true,
     false,
     RT_KAFKA_RECOVER_REPLAY,
     RT_KAFKA_REFUSE,
     RT_KAFKA_STOP_OTHER_JOB,
     "kafka/other-job: "},
};

static void every_row_of_the_recovery_table_has_one_course(void **state)
{
    static const char *const names[] = {"t/0", "t/1", "t/2"};

    (void)state;
    for (size_t r = 0; r < COUNT_OF(rows); r++) {
        const struct row *row = &rows[r];
        struct rt_kafka_committed items[3];
        struct rt_kafka_local local = {.job = 0x0a1b2c3d,
                                       .has_checkpoints = row->has_checkpoints,
                                       .newest = 9,
                                       .take_new_partitions = row->take_new,
                                       .recover = row->recover};
        struct rt_buffer message;

        for (size_t i = 0; i < COUNT_OF(items); i++)
            items[i] = (struct rt_kafka_committed){names[i], row->committed[i] != NULL,
                                                   10 + (int64_t)i, rt_text_of(row->committed[i])};
        rt_buffer_init(&message, 4096);

        struct rt_kafka_plan plan = rt_kafka_plan(items, COUNT_OF(items), &local, &message);

        assert_int_equal(plan.course, row->course);
        assert_int_equal(plan.stop, row->stop);
        if (row->course == RT_KAFKA_RESTORE || row->course == RT_KAFKA_REPLAY)
            assert_int_equal(plan.marker.checkpoint, 7);
        assert_int_equal(rt_kafka_stop_of(message.length > 0 ? message.data : ""), row->stop);
        if (row->says[0] == '\0')
            assert_int_equal(message.length, 0);
        else
            assert_memory_equal(message.data, row->says, strlen(row->says));
        rt_buffer_done(&message);
    }
}

static void every_stop_has_a_word_of_its_own_and_a_cure(void **state)
{
    (void)state;
    for (int i = 1; i < RT_KAFKA_STOP_COUNT; i++) {
        assert_true(strlen(rt_kafka_stop_word((enum rt_kafka_stop)i)) > 3);
        assert_true(strlen(rt_kafka_stop_cure((enum rt_kafka_stop)i)) > 10);
        for (int other = 1; other < i; other++)
            assert_string_not_equal(rt_kafka_stop_word((enum rt_kafka_stop)i),
                                    rt_kafka_stop_word((enum rt_kafka_stop)other));
    }
}

static void a_job_that_ended_before_its_first_commit_begins_again(void **state)
{
    struct rt_kafka_committed items[] = {{"t/0", false, 0, {NULL, 0}}};
    struct rt_kafka_local local = {
        .job = 0x0a1b2c3d, .has_checkpoints = true, .newest = 2, .blank = true};
    struct rt_buffer message;

    (void)state;
    rt_buffer_init(&message, 4096);
    assert_int_equal(rt_kafka_plan(items, 1, &local, &message).course, RT_KAFKA_NEWEST);
    local.blank = false;
    assert_int_equal(rt_kafka_plan(items, 1, &local, &message).course, RT_KAFKA_REFUSE);
    rt_buffer_done(&message);
}

static void a_replay_whose_first_checkpoint_did_not_count_begins_again(void **state)
{
    struct rt_kafka_committed items[] = {{"t/0", true, 9, rt_text_of(marker_other_job)}};
    struct rt_kafka_local local = {.job = 0x0a1b2c3d,
                                   .has_checkpoints = true,
                                   .newest = 1,
                                   .blank = true,
                                   .recover = RT_KAFKA_RECOVER_REPLAY};
    struct rt_buffer message;

    (void)state;
    rt_buffer_init(&message, 4096);
    assert_int_equal(rt_kafka_plan(items, 1, &local, &message).course, RT_KAFKA_REPLAY);
    items[0].metadata = rt_text_of(marker_7); /* now it does */
    assert_int_equal(rt_kafka_plan(items, 1, &local, &message).course, RT_KAFKA_RESTORE);
    rt_buffer_done(&message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_marker_reads_back_as_it_was_written),
        cmocka_unit_test(the_longest_marker_and_one_without_a_watermark_read_back),
        cmocka_unit_test(anything_else_is_not_a_marker),
        cmocka_unit_test(every_row_of_the_recovery_table_has_one_course),
        cmocka_unit_test(a_job_that_ended_before_its_first_commit_begins_again),
        cmocka_unit_test(a_replay_whose_first_checkpoint_did_not_count_begins_again),
        cmocka_unit_test(every_stop_has_a_word_of_its_own_and_a_cure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

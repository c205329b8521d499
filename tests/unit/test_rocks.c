/* SPDX-License-Identifier: Apache-2.0 */
/* The database behind the state: what its checkpoints hold, and that damage is told of. */
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/checkpoint/rocks.h"

enum { PATH_MAX_HERE = 200, KEYS = 1000 };

struct place {
    char root[64];
    char work[PATH_MAX_HERE], save[PATH_MAX_HERE], other[PATH_MAX_HERE];
    struct rt_buffer error;
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    if (place == NULL)
        return -1;
    snprintf(place->root, sizeof(place->root), "/tmp/egret-rocks-XXXXXX");
    if (mkdtemp(place->root) == NULL)
        return -1;
    snprintf(place->work, sizeof(place->work), "%s/work", place->root);
    snprintf(place->save, sizeof(place->save), "%s/save", place->root);
    snprintf(place->other, sizeof(place->other), "%s/other", place->root);
    rt_buffer_init(&place->error, 4000);
    *state = place;
    return 0;
}

static int leave_place(void **state)
{
    struct place *place = *state;
    char command[PATH_MAX_HERE];
    int removed;

    rt_buffer_done(&place->error);
    snprintf(command, sizeof(command), "rm -rf '%s'", place->root);
    removed = system(command);
    free(place);
    return removed;
}

static struct rt_rocks *open_at(struct place *place, const char *path, bool must_exist)
{
    struct rt_rocks_options options = {.must_exist = must_exist};
    struct rt_rocks *rocks = NULL;
    enum rt_status status = rt_rocks_open(path, &options, &rocks, &place->error);

    if (status != RT_OK)
        print_message("%s\n", place->error.data);
    assert_int_equal(status, RT_OK);
    return rocks;
}

static void put_numbers(struct rt_rocks *rocks, int from, int to, const char *word)
{
    for (int i = from; i < to; i++) {
        char key[16], value[32];

        snprintf(key, sizeof(key), "k%06d", i);
        snprintf(value, sizeof(value), "%s%d", word, i);
        rt_rocks_put(rocks, rt_text_of(key), rt_text_of(value));
    }
    assert_int_equal(rt_rocks_write(rocks), RT_OK);
}

/* Keys in [from, to), or what ended the walk early. */
static enum rt_status walk(struct rt_rocks *rocks, const char *from, const char *to, size_t *count)
{
    struct rt_rocks_walk *walk = NULL;
    struct rt_text key, value;
    struct rt_buffer last;
    enum rt_status status;

    *count = 0;
    rt_buffer_init(&last, 100);
    assert_int_equal(rt_rocks_walk_new(rocks, rt_text_of(from), rt_text_of(to), &walk), RT_OK);
    while ((status = rt_rocks_walk_next(walk, &key, &value)) == RT_OK) {
        assert_true(*count == 0 || rt_text_compare(rt_buffer_view(&last), key) < 0);
        rt_buffer_reset(&last);
        rt_buffer_text(&last, key);
        ++*count;
    }
    rt_rocks_walk_free(walk);
    rt_buffer_done(&last);
    return status;
}

static size_t count_between(struct rt_rocks *rocks, const char *from, const char *to)
{
    size_t count;

    assert_int_equal(walk(rocks, from, to, &count), RT_END);
    return count;
}

static void a_checkpoint_holds_what_was_written_before_it_and_nothing_later(void **state)
{
    struct place *place = *state;
    struct rt_rocks *rocks = open_at(place, place->work, false);
    struct rt_buffer value;

    rt_buffer_init(&value, 100);
    put_numbers(rocks, 0, KEYS, "old");
    assert_int_equal(rt_rocks_checkpoint(rocks, place->save), RT_OK);
    put_numbers(rocks, 0, 2 * KEYS, "new");
    rt_rocks_close(rocks);

    assert_int_equal(rt_rocks_clone(place->save, place->other, &place->error), RT_OK);
    rocks = open_at(place, place->other, true);
    assert_int_equal(count_between(rocks, "", ""), KEYS);
    assert_int_equal(rt_rocks_get(rocks, RT_TEXT("k000007"), &value), RT_OK);
    assert_string_equal(value.data, "old7");
    assert_int_equal(rt_rocks_get(rocks, RT_TEXT("k001007"), &value), RT_ERR_NOT_FOUND);
    put_numbers(rocks, 0, KEYS, "more");
    rt_rocks_close(rocks);

    /* What was opened was a clone: the checkpoint is as it was, and a second clone takes the place of the first. */
    assert_int_equal(rt_rocks_clone(place->save, place->other, &place->error), RT_OK);
    rocks = open_at(place, place->other, true);
    rt_buffer_reset(&value);
    assert_int_equal(rt_rocks_get(rocks, RT_TEXT("k000007"), &value), RT_OK);
    assert_string_equal(value.data, "old7");
    rt_rocks_close(rocks);
    rt_buffer_done(&value);
}

static void what_was_not_saved_is_not_there_after_a_crash(void **state)
{
    struct place *place = *state;
    struct rt_rocks *rocks = open_at(place, place->work, false);

    rt_rocks_put(rocks, RT_TEXT("a"), RT_TEXT("1"));
    assert_int_equal(rt_rocks_write(rocks), RT_OK);
    assert_int_equal(rt_rocks_clone(place->work, place->other, &place->error), RT_OK);
    rt_rocks_close(rocks);
    rocks = open_at(place, place->other, true);
    assert_int_equal(count_between(rocks, "", ""), 0);
    rt_rocks_close(rocks);
}

static void ranges_are_half_open_for_walks_and_for_deletion(void **state)
{
    struct place *place = *state;
    struct rt_rocks *rocks = open_at(place, place->work, false);

    put_numbers(rocks, 0, 100, "v");
    assert_int_equal(count_between(rocks, "k000010", "k000020"), 10);
    rt_rocks_delete_range(rocks, RT_TEXT("k000010"), RT_TEXT("k000020"));
    rt_rocks_delete(rocks, RT_TEXT("k000020"));
    assert_true(rt_rocks_pending(rocks) > 0);
    assert_int_equal(rt_rocks_write(rocks), RT_OK);
    assert_int_equal(rt_rocks_pending(rocks), 0);
    assert_int_equal(count_between(rocks, "k000005", "k000025"), 9);
    assert_int_equal(count_between(rocks, "k000010", ""), 79);
    rt_rocks_close(rocks);
}

static void a_walk_sees_what_was_there_when_it_began(void **state)
{
    struct place *place = *state;
    struct rt_rocks *rocks = open_at(place, place->work, false);
    struct rt_rocks_walk *walk = NULL;
    struct rt_text key, value;
    int count = 0;

    put_numbers(rocks, 0, 10, "v");
    assert_int_equal(rt_rocks_walk_new(rocks, RT_TEXT(""), RT_TEXT(""), &walk), RT_OK);
    put_numbers(rocks, 5, 20, "w");
    while (rt_rocks_walk_next(walk, &key, &value) == RT_OK) {
        assert_int_equal(value.data[0], 'v');
        count++;
    }
    assert_int_equal(count, 10);
    assert_int_equal(rt_rocks_walk_next(walk, &key, &value), RT_END);
    rt_rocks_walk_free(walk);
    assert_false(rt_rocks_is_broken(rocks));
    rt_rocks_close(rocks);
}

static void a_checkpoint_opened_to_read_stays_as_it_is_to_the_byte(void **state)
{
    struct place *place = *state;
    struct rt_rocks_options options = {.must_exist = true, .read_only = true};
    struct rt_rocks *rocks = open_at(place, place->work, false);
    char command[6 * PATH_MAX_HERE];

    put_numbers(rocks, 0, KEYS, "v");
    assert_int_equal(rt_rocks_checkpoint(rocks, place->save), RT_OK);
    rt_rocks_close(rocks);
    snprintf(command, sizeof(command), "cp -r '%s' '%s'", place->save, place->other);
    assert_int_equal(system(command), 0);
    assert_int_equal(rt_rocks_open(place->save, &options, &rocks, &place->error), RT_OK);
    assert_int_equal(count_between(rocks, "", ""), KEYS);
    rt_rocks_put(rocks, RT_TEXT("a"), RT_TEXT("b"));
    assert_int_equal(rt_rocks_write(rocks), RT_ERR_IO);
    rt_rocks_close(rocks);
    snprintf(command, sizeof(command), "diff -r '%s' '%s'", place->save, place->other);
    assert_int_equal(system(command), 0);
}

static void two_handles_see_each_others_writes(void **state)
{
    struct place *place = *state;
    struct rt_rocks *rocks = open_at(place, place->work, false);
    struct rt_rocks *other = NULL;
    struct rt_buffer value;

    rt_buffer_init(&value, 100);
    assert_int_equal(rt_rocks_share(rocks, &other), RT_OK);
    rt_rocks_put(other, RT_TEXT("a"), RT_TEXT("1"));
    put_numbers(rocks, 0, 10, "v");
    assert_int_equal(rt_rocks_get(rocks, RT_TEXT("a"), &value), RT_ERR_NOT_FOUND);
    assert_int_equal(rt_rocks_write(other), RT_OK);
    assert_int_equal(rt_rocks_get(rocks, RT_TEXT("a"), &value), RT_OK);
    assert_int_equal(count_between(other, "k", ""), 10);
    rt_rocks_close(other);
    assert_int_equal(count_between(rocks, "k", ""), 10);
    rt_rocks_close(rocks);
    rt_buffer_done(&value);
}

static void a_directory_that_is_no_database_is_named_in_the_error(void **state)
{
    struct place *place = *state;
    struct rt_rocks_options options = {.must_exist = true};
    struct rt_rocks *rocks = NULL;

    assert_int_equal(rt_rocks_open(place->work, &options, &rocks, &place->error), RT_ERR_IO);
    assert_non_null(strstr(place->error.data, place->work));
    assert_null(rocks);
    assert_int_equal(rt_rocks_clone(place->save, place->other, &place->error), RT_ERR_IO);
    assert_non_null(strstr(place->error.data, "No such file"));
}

/* Each byte of a sorted file wrong in turn would take long; one in the middle of its data will do. */
static void a_damaged_file_is_an_error_not_an_end(void **state)
{
    struct place *place = *state;
    struct rt_rocks *rocks = open_at(place, place->work, false);
    size_t count;
    char command[4 * PATH_MAX_HERE];

    put_numbers(rocks, 0, KEYS, "v");
    assert_int_equal(rt_rocks_checkpoint(rocks, place->save), RT_OK);
    rt_rocks_close(rocks);
    snprintf(command, sizeof(command),
             "for f in %s/*.sst; do printf 'XXXX' | dd of=$f bs=1 seek=200 conv=notrunc "
             "status=none; done",
             place->save);
    assert_int_equal(system(command), 0);
    assert_int_equal(rt_rocks_clone(place->save, place->other, &place->error), RT_OK);
    rocks = open_at(place, place->other, true);
    assert_int_equal(walk(rocks, "", "", &count), RT_ERR_IO);
    assert_true(count < KEYS);
    assert_non_null(strstr(rt_rocks_error(rocks), "orruption"));
    rt_rocks_close(rocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_checkpoint_holds_what_was_written_before_it_and_nothing_later, make_place,
            leave_place),
        cmocka_unit_test_setup_teardown(what_was_not_saved_is_not_there_after_a_crash, make_place,
                                        leave_place),
        cmocka_unit_test_setup_teardown(ranges_are_half_open_for_walks_and_for_deletion, make_place,
                                        leave_place),
        cmocka_unit_test_setup_teardown(a_walk_sees_what_was_there_when_it_began, make_place,
                                        leave_place),
        cmocka_unit_test_setup_teardown(a_checkpoint_opened_to_read_stays_as_it_is_to_the_byte,
                                        make_place, leave_place),
        cmocka_unit_test_setup_teardown(two_handles_see_each_others_writes, make_place,
                                        leave_place),
        cmocka_unit_test_setup_teardown(a_directory_that_is_no_database_is_named_in_the_error,
                                        make_place, leave_place),
        cmocka_unit_test_setup_teardown(a_damaged_file_is_an_error_not_an_end, make_place,
                                        leave_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

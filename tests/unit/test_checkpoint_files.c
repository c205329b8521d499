/* SPDX-License-Identifier: Apache-2.0 */
/* Files of entries, manifests, chains: what is written is read back, and nothing else is. */
#include "tests/support/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/alloc.h"
#include "runtime/checkpoint/checkpoints.h"
#include "runtime/checkpoint/directory.h"
#include "runtime/checkpoint/disk.h"
#include "runtime/checkpoint/merge.h"
#include "tests/support/seeded.h"

enum { GROUPS = 16, NAME_MAX_BYTES = 12, VALUE_MAX_BYTES = 3000, WHY_BYTES = 8192 };

struct world {
    char directory[64];
    struct rt_buffer why;
    struct rt_checkpoints *checkpoints;
    enum rt_base_kind bases;
    uint64_t database_bytes_min; /* 0: 1 */
};

static const char identity[] = "  reads in.ndjson\n  writes out.ndjson\n";

static void open_world(struct world *world)
{
    struct rt_checkpoints_options options = {.directory = world->directory,
                                             .identity = RT_TEXT(identity),
                                             .program = RT_TEXT("test"),
                                             .groups = GROUPS,
                                             .run_bytes = 16384,
                                             .deltas_max = 4,
                                             .bases = world->bases,
                                             .database_bytes_min = world->database_bytes_min + 1};

    rt_buffer_reset(&world->why);
    assert_int_equal(rt_checkpoints_open(&options, &world->why, &world->checkpoints), RT_OK);
}

static int make_world(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    snprintf(world->directory, sizeof(world->directory), "/tmp/egret-checkpoint-XXXXXX");
    assert_non_null(mkdtemp(world->directory));
    rt_buffer_init(&world->why, WHY_BYTES);
    open_world(world);
    *state = world;
    return 0;
}

static int end_world(void **state)
{
    struct world *world = *state;

    rt_checkpoints_close(world->checkpoints);
    rt_buffer_reset(&world->why);
    assert_int_equal(rt_disk_remove(world->directory, &world->why), RT_OK);
    rt_buffer_done(&world->why);
    free(world);
    return 0;
}

/* ---- a model: what the state should be ---- */

enum { KEYS = 300 };

struct model {
    uint32_t value[KEYS]; /* 0: none */
};

static struct rt_entry entry_of(unsigned key, uint32_t value, char *name, char *bytes)
{
    size_t length = 1 + value * 37u % VALUE_MAX_BYTES;

    snprintf(name, NAME_MAX_BYTES, "key-%u", key);
    memset(bytes, (int)('a' + value % 26), length);
    return (struct rt_entry){.group = (uint16_t)(key * 7 % GROUPS),
                             .kind = (uint8_t)(RT_ENTRY_KEY + key % 2),
                             .removed = value == 0,
                             .name = rt_text_of(name),
                             .value = {bytes, value == 0 ? 0 : length}};
}

/* Random changes to the model and the checkpoint that saves them, some ids more than once. */
static uint64_t save(struct world *world, struct model *model, struct seeded *random,
                     unsigned changes, bool whole)
{
    char name[NAME_MAX_BYTES], bytes[VALUE_MAX_BYTES + 1];
    struct rt_checkpoint_facts facts = {.made_ms = 1, .facts = RT_TEXT("facts")};
    struct rt_checkpoint_made made;
    uint64_t id;

    assert_int_equal(rt_checkpoints_begin(world->checkpoints, whole, &id), RT_OK);
    if (whole)
        memset(model, 0, sizeof(*model));
    for (unsigned i = 0; i < changes; i++) {
        unsigned key = (unsigned)(seeded_next(random) % KEYS);
        uint32_t value = seeded_next(random) % 4 == 0 ? 0 : (uint32_t)(seeded_next(random) % 1000);
        struct rt_entry entry = entry_of(key, value, name, bytes);

        model->value[key] = value;
        assert_int_equal(rt_checkpoints_add(world->checkpoints, &entry), RT_OK);
    }
    snprintf(bytes, sizeof(bytes), "stream of %llu", (unsigned long long)id);
    assert_int_equal(
        rt_checkpoints_add_blob(world->checkpoints, RT_TEXT("stream"), rt_text_of(bytes)), RT_OK);
    /* As a job does: between what was merged and the first manifest that names it. */
    assert_int_equal(rt_checkpoints_clean(world->checkpoints), RT_OK);
    assert_int_equal(rt_checkpoints_prepare(world->checkpoints, &facts, &made), RT_OK);
    rt_checkpoints_committed(world->checkpoints);
    assert_int_equal(rt_checkpoints_clean(world->checkpoints), RT_OK);
    return id;
}

static void check_entries(struct world *world, const struct model *model, uint32_t from,
                          uint32_t to)
{
    char name[NAME_MAX_BYTES], bytes[VALUE_MAX_BYTES + 1];
    struct rt_entries *entries;
    struct rt_entry entry;
    unsigned found = 0, expected = 0;
    enum rt_status status;

    assert_int_equal(rt_checkpoints_entries(world->checkpoints, from, to, &entries), RT_OK);
    while ((status = entries->next(entries, &entry)) == RT_OK) {
        struct rt_entry wanted;
        unsigned key;

        snprintf(name, sizeof(name), "%.*s", (int)entry.name.length, entry.name.data);
        assert_int_equal(sscanf(name, "key-%u", &key), 1);
        assert_true(key < KEYS && model->value[key] != 0);
        wanted = entry_of(key, model->value[key], name, bytes);
        assert_int_equal(rt_entry_compare(&wanted, &entry), 0);
        assert_true(rt_text_equal(wanted.value, entry.value));
        assert_true(entry.group >= from && entry.group < to);
        found++;
    }
    assert_int_equal(status, RT_END);
    entries->free(entries);
    for (unsigned key = 0; key < KEYS; key++) {
        uint32_t group = key * 7 % GROUPS;

        expected += model->value[key] != 0 && group >= from && group < to;
    }
    assert_int_equal(found, expected);
}

static void check_state(struct world *world, const struct model *model, uint64_t id)
{
    const struct rt_manifest *manifest;
    struct rt_buffer blob;
    char expected[64];

    rt_checkpoints_close(world->checkpoints);
    open_world(world);
    assert_int_equal(rt_checkpoints_choose(world->checkpoints, 0, NULL, &manifest), RT_OK);
    assert_int_equal(manifest->id, id);
    assert_true(rt_text_is(manifest->facts, "facts"));
    assert_int_equal(rt_checkpoints_verify(world->checkpoints, true), RT_OK);
    assert_int_equal(rt_checkpoints_verify(world->checkpoints, false), RT_OK);
    rt_buffer_init(&blob, 1024);
    assert_int_equal(rt_checkpoints_blob(world->checkpoints, RT_TEXT("stream"), &blob), RT_OK);
    snprintf(expected, sizeof(expected), "stream of %llu", (unsigned long long)id);
    assert_string_equal(blob.data, expected);
    assert_int_equal(rt_checkpoints_blob(world->checkpoints, RT_TEXT("none"), &blob),
                     RT_ERR_NOT_FOUND);
    rt_buffer_done(&blob);
    check_entries(world, model, 0, GROUPS);
    check_entries(world, model, 3, 5);
    check_entries(world, model, 15, 16);
}

static size_t count_files(struct world *world)
{
    struct rt_state_listing listing;
    size_t count;

    assert_int_equal(rt_state_list(world->directory, &listing, &world->why), RT_OK);
    count = listing.count;
    rt_state_listing_done(&listing);
    return count;
}

/* ---- tests ---- */

static void check_sum_of_checkpoints(struct world *world)
{
    struct seeded random = seeded_from(7);
    struct model model = {{0}};
    unsigned compactions = 0;

    for (unsigned round = 0; round < 40; round++) {
        bool whole = seeded_next(&random) % 10 == 0;
        uint64_t id =
            save(world, &model, &random, 1 + (unsigned)(seeded_next(&random) % 90), whole);

        if (rt_checkpoints_plan(world->checkpoints)) {
            enum rt_status status = rt_checkpoints_compact(world->checkpoints);

            assert_int_equal(status, RT_OK);
            rt_checkpoints_compacted(world->checkpoints, status);
            compactions++;
            id = save(world, &model, &random, 3, false);
        }
        if (round % 3 == 0)
            check_state(world, &model, id);
    }
    assert_true(compactions >= 3);
    assert_true(count_files(world) < 40);
}

/* The working copy lives as long as the job does; the state is looked at in the end. */
static void check_sum_without_restart(struct world *world)
{
    struct seeded random = seeded_from(21);
    struct model model = {{0}};
    uint64_t id = 0;

    for (unsigned round = 0; round < 60; round++) {
        id = save(world, &model, &random, 1 + (unsigned)(seeded_next(&random) % 200), false);
        if (rt_checkpoints_plan(world->checkpoints))
            rt_checkpoints_compacted(world->checkpoints,
                                     rt_checkpoints_compact(world->checkpoints));
    }
    check_state(world, &model, id);
}

static void state_is_the_sum_of_its_checkpoints(void **state)
{
    check_sum_of_checkpoints(*state);
}

static void state_is_the_sum_of_its_checkpoints_with_bases_of_a_database(void **state)
{
    struct world *world = *state;

    rt_checkpoints_close(world->checkpoints);
    world->bases = RT_BASE_DATABASE;
    open_world(world);
    check_sum_of_checkpoints(world);
}

/* The state and its deltas are now above, now below what a database is made for; what was removed stays so. */
static void state_is_the_sum_of_its_checkpoints_with_now_and_then_a_database(void **state)
{
    (void)state;
    for (uint64_t bytes_min = 200000; bytes_min <= 1600000; bytes_min += 200000) {
        void *own = NULL;

        make_world(&own);

        struct world *world = own;

        rt_checkpoints_close(world->checkpoints);
        world->bases = RT_BASE_DATABASE;
        world->database_bytes_min = bytes_min;
        open_world(world);
        check_sum_without_restart(world);
        end_world(&own);
    }
}

static void the_checkpoint_before_the_last_is_kept_whole(void **state)
{
    struct world *world = *state;
    struct seeded random = seeded_from(8);
    struct model model = {{0}}, former;
    const struct rt_manifest *manifest;
    const uint64_t *ids;
    size_t count;

    for (unsigned round = 0; round < 12; round++) {
        former = model;
        save(world, &model, &random, 40, false);
        if (rt_checkpoints_plan(world->checkpoints))
            rt_checkpoints_compacted(world->checkpoints,
                                     rt_checkpoints_compact(world->checkpoints));
    }
    rt_checkpoints_close(world->checkpoints);
    open_world(world);
    assert_int_equal(rt_checkpoints_ids(world->checkpoints, &ids, &count), RT_OK);
    assert_int_equal(count, 2);
    assert_int_equal(rt_checkpoints_choose(world->checkpoints, ids[0], NULL, &manifest), RT_OK);
    assert_int_equal(rt_checkpoints_verify(world->checkpoints, true), RT_OK);
    check_entries(world, &former, 0, GROUPS);
}

static void open_keeping_four(struct world *world)
{
    const struct rt_checkpoints_options options = {.directory = world->directory,
                                                   .identity = RT_TEXT(identity),
                                                   .groups = GROUPS,
                                                   .keep = 4,
                                                   .deltas_max = 2};

    rt_checkpoints_close(world->checkpoints);
    assert_int_equal(rt_checkpoints_open(&options, &world->why, &world->checkpoints), RT_OK);
}

/* The four from `first` on are there, and each can be gone on from. */
static void check_four(struct world *world, const struct model *models, uint64_t first)
{
    const struct rt_manifest *manifest;
    const uint64_t *ids;
    size_t count;

    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(rt_checkpoints_ids(world->checkpoints, &ids, &count), RT_OK);
        assert_int_equal(count, 4);
        assert_int_equal(ids[i], first + i);
        assert_int_equal(rt_checkpoints_choose(world->checkpoints, ids[i], NULL, &manifest), RT_OK);
        assert_int_equal(rt_checkpoints_verify(world->checkpoints, true), RT_OK);
        check_entries(world, &models[i], 0, GROUPS);
    }
}

static void as_many_checkpoints_stay_as_are_wished(void **state)
{
    struct world *world = *state;
    struct seeded random = seeded_from(14);
    struct model model = {{0}}, models[8];

    open_keeping_four(world);
    for (unsigned round = 0; round < 8; round++) {
        save(world, &model, &random, 40, false);
        models[round] = model;
        if (rt_checkpoints_plan(world->checkpoints))
            rt_checkpoints_compacted(world->checkpoints,
                                     rt_checkpoints_compact(world->checkpoints));
    }
    rt_checkpoints_close(world->checkpoints);
    open_world(world);
    check_four(world, &models[4], 5);
}

static void they_stay_when_the_job_starts_again(void **state)
{
    struct world *world = *state;
    struct seeded random = seeded_from(15);
    struct model model = {{0}}, models[9];
    const struct rt_manifest *manifest;
    const uint64_t *ids;
    char path[RT_PATH_BYTES_MAX];
    size_t count;

    for (unsigned round = 0; round < 9; round++) {
        open_keeping_four(world);
        if (round > 0)
            assert_int_equal(rt_checkpoints_choose(world->checkpoints, 0, NULL, &manifest), RT_OK);
        save(world, &model, &random, 40, false);
        models[round] = model;
        if (rt_checkpoints_plan(world->checkpoints))
            rt_checkpoints_compacted(world->checkpoints,
                                     rt_checkpoints_compact(world->checkpoints));
    }
    check_four(world, &models[5], 6);
    /* One that is damaged stands in nobody's way, and in nobody's place. */
    snprintf(path, sizeof(path), "%s/checkpoint-8", world->directory);
    assert_int_equal(truncate(path, 20), 0);
    assert_int_equal(rt_checkpoints_choose(world->checkpoints, 0, NULL, &manifest), RT_OK);
    save(world, &model, &random, 40, false);
    assert_int_equal(rt_checkpoints_ids(world->checkpoints, &ids, &count), RT_OK);
    assert_int_equal(count, 4);
    assert_int_equal(ids[0], 6);
    assert_int_equal(ids[3], 10);
}

static void an_id_is_never_used_twice(void **state)
{
    struct world *world = *state;
    struct seeded random = seeded_from(9);
    struct model model = {{0}};
    uint64_t id, orphan;
    char path[RT_PATH_BYTES_MAX];
    int file;

    id = save(world, &model, &random, 5, false);
    assert_int_equal(rt_checkpoints_begin(world->checkpoints, false, &orphan), RT_OK);
    assert_true(orphan > id);
    snprintf(path, sizeof(path), "%s/delta-%llu-0.tmp", world->directory,
             (unsigned long long)orphan + 5);
    file = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(file >= 0);
    close(file);
    rt_checkpoints_close(world->checkpoints);
    open_world(world);
    assert_int_equal(rt_checkpoints_begin(world->checkpoints, false, &id), RT_OK);
    assert_true(id > orphan + 5);
}

static void a_locked_directory_is_refused(void **state)
{
    struct world *world = *state;
    struct rt_checkpoints_options options = {.directory = world->directory,
                                             .identity = RT_TEXT(identity)};
    struct rt_checkpoints *second;

    assert_int_equal(rt_checkpoints_open(&options, &world->why, &second), RT_AGAIN);
    assert_non_null(strstr(world->why.data, "in use by another process, number "));
}

static void another_jobs_directory_is_refused(void **state)
{
    struct world *world = *state;
    struct rt_checkpoints_options options = {.directory = world->directory,
                                             .identity = RT_TEXT("  reads other.ndjson\n")};
    struct rt_checkpoints *second;

    rt_checkpoints_close(world->checkpoints);
    world->checkpoints = NULL;
    assert_int_equal(rt_checkpoints_open(&options, &world->why, &second), RT_ERR_DIAG);
    assert_non_null(strstr(world->why.data, "belongs to another job"));
}

static void a_mark_binds_the_choice(void **state)
{
    struct world *world = *state;
    struct seeded random = seeded_from(10);
    struct model model = {{0}};
    const struct rt_manifest *manifest;
    char mark[17];
    uint64_t id = save(world, &model, &random, 5, false);

    assert_int_equal(rt_checkpoints_choose(world->checkpoints, id, NULL, &manifest), RT_OK);
    rt_manifest_mark(manifest, mark);
    assert_int_equal(rt_checkpoints_choose(world->checkpoints, id, mark, &manifest), RT_OK);
    mark[3] = mark[3] == '0' ? '1' : '0';
    assert_int_equal(rt_checkpoints_choose(world->checkpoints, id, mark, &manifest),
                     RT_ERR_CORRUPT);
    assert_int_equal(rt_checkpoints_choose(world->checkpoints, id + 1, NULL, &manifest),
                     RT_ERR_NOT_FOUND);
}

static void an_export_is_the_same_state_elsewhere(void **state)
{
    struct world *world = *state;
    struct seeded random = seeded_from(11);
    struct model model = {{0}};
    const struct rt_manifest *manifest;
    struct world copy = *world;
    struct rt_file_facts facts;
    char savepoint[RT_PATH_BYTES_MAX];

    for (unsigned i = 0; i < 5; i++)
        save(world, &model, &random, 60, false);
    assert_int_equal(rt_checkpoints_choose(world->checkpoints, 0, NULL, &manifest), RT_OK);
    snprintf(savepoint, sizeof(savepoint), "%s/before", world->directory);
    assert_int_equal(
        rt_checkpoints_export(world->checkpoints, savepoint, RT_TEXT("before"), 99, &facts), RT_OK);
    assert_int_equal(
        rt_checkpoints_export(world->checkpoints, savepoint, RT_TEXT("before"), 99, &facts),
        RT_ERR_IO);
    assert_int_equal(rt_checkpoints_open_to_read(savepoint, &world->why, &copy.checkpoints), RT_OK);
    assert_int_equal(rt_checkpoints_choose(copy.checkpoints, 0, NULL, &manifest), RT_OK);
    assert_int_equal(manifest->kind, RT_MANIFEST_SAVEPOINT);
    assert_true(rt_text_is(manifest->label, "before"));
    assert_int_equal(manifest->made_ms, 99);
    assert_int_equal(rt_checkpoints_verify(copy.checkpoints, true), RT_OK);
    check_entries(&copy, &model, 0, GROUPS);
    rt_checkpoints_close(copy.checkpoints);
}

/* ---- damage: every byte of manifest, delta and job, flipped in three ways, and every length ---- */

static void read_file(const char *path, struct rt_buffer *out, struct rt_buffer *why)
{
    rt_buffer_reset(out);
    assert_int_equal(rt_disk_read(path, out, why), RT_OK);
}

static void write_bytes(const char *path, const char *data, size_t length)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(file >= 0);
    assert_int_equal(write(file, data, length), (ssize_t)length);
    close(file);
}

/* Anything but a good state, and it says which file. */
static void check_refused(const char *directory, const char *file)
{
    const struct rt_manifest *manifest;
    struct rt_checkpoints *checkpoints;
    struct rt_buffer why;
    enum rt_status status;

    rt_buffer_init(&why, WHY_BYTES);
    status = rt_checkpoints_open_to_read(directory, &why, &checkpoints);
    assert_int_equal(status, RT_OK);
    status = rt_checkpoints_choose(checkpoints, 0, NULL, &manifest);
    if (status == RT_OK)
        status = rt_checkpoints_verify(checkpoints, false);
    assert_int_not_equal(status, RT_OK);
    assert_true(status == RT_ERR_CORRUPT || status == RT_ERR_UNSUPPORTED);
    assert_non_null(strstr(rt_checkpoints_error(checkpoints), file));
    rt_checkpoints_close(checkpoints);
    rt_buffer_done(&why);
}

/* Entry by entry, without the hash of the whole: still never a wrong entry, never a crash. */
static void check_survives(const char *directory)
{
    struct world world = {.directory = ""};
    const struct rt_manifest *manifest;
    struct rt_entries *entries;
    struct rt_entry entry;

    rt_buffer_init(&world.why, WHY_BYTES);
    assert_int_equal(rt_checkpoints_open_to_read(directory, &world.why, &world.checkpoints), RT_OK);
    if (rt_checkpoints_choose(world.checkpoints, 0, NULL, &manifest) == RT_OK &&
        rt_checkpoints_entries(world.checkpoints, 0, GROUPS, &entries) == RT_OK) {
        while (entries->next(entries, &entry) == RT_OK)
            assert_true(entry.group < GROUPS);
        entries->free(entries);
    }
    rt_checkpoints_close(world.checkpoints);
    rt_buffer_done(&world.why);
}

/* In place: a file that is emptied and written anew is flushed by some file systems when it is closed. */
static void put_byte(int file, size_t at, char byte)
{
    assert_int_equal(pwrite(file, &byte, 1, (off_t)at), 1);
}

static void damage_some(const char *directory, const char *name, size_t step)
{
    static const char masks[] = {(char)0xff, 0x01};
    struct rt_buffer bytes, why;
    char path[RT_PATH_BYTES_MAX];
    int file;

    rt_buffer_init(&bytes, 1 << 20);
    rt_buffer_init(&why, WHY_BYTES);
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    read_file(path, &bytes, &why);
    file = open(path, O_WRONLY);
    assert_true(file >= 0);
    for (size_t at = 0; at < bytes.length; at += step) {
        for (size_t i = 0; i < sizeof(masks); i++) {
            put_byte(file, at, (char)(bytes.data[at] ^ masks[i]));
            check_refused(directory, name);
            if (strchr(name, '/') == NULL) /* RocksDB does not promise as much */
                check_survives(directory);
        }
        put_byte(file, at, bytes.data[at]);
    }
    for (size_t length = bytes.length; length-- > 0;) {
        if (length % step != 0)
            continue;
        assert_int_equal(ftruncate(file, (off_t)length), 0);
        check_refused(directory, name);
    }
    close(file);
    write_bytes(path, bytes.data, bytes.length);
    rt_buffer_done(&bytes);
    rt_buffer_done(&why);
}

static void damage_file(const char *directory, const char *name)
{
    damage_some(directory, name, 1);
}

static void every_damaged_byte_is_refused(void **state)
{
    struct world *world = *state;
    struct seeded random = seeded_from(12);
    struct model model = {{0}};
    const struct rt_manifest *manifest;
    struct rt_buffer why;

    save(world, &model, &random, 2, false);
    save(world, &model, &random, 2, false);
    rt_checkpoints_close(world->checkpoints);
    world->checkpoints = NULL;
    damage_file(world->directory, "checkpoint-2");
    damage_file(world->directory, "delta-2-0");
    damage_file(world->directory, "delta-1-0");
    rt_buffer_init(&why, WHY_BYTES);
    assert_int_equal(rt_checkpoints_open_to_read(world->directory, &why, &world->checkpoints),
                     RT_OK);
    assert_int_equal(rt_checkpoints_choose(world->checkpoints, 0, NULL, &manifest), RT_OK);
    assert_int_equal(rt_checkpoints_verify(world->checkpoints, true), RT_OK);
    rt_buffer_done(&why);
}

/* A base of a database: its list and small files byte by byte, sorted files here and there. */
static void damage_base(const char *directory, const char *base)
{
    char path[RT_PATH_BYTES_MAX];
    DIR *open_directory;
    const struct dirent *entry;
    unsigned files = 0;

    snprintf(path, sizeof(path), "%s/%s", directory, base);
    open_directory = opendir(path);
    assert_non_null(open_directory);
    while ((entry = readdir(open_directory)) != NULL) {
        bool is_sorted = strstr(entry->d_name, ".sst") != NULL;

        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", base, entry->d_name);
        damage_some(directory, path, is_sorted ? 64 : 1);
        files++;
    }
    closedir(open_directory);
    assert_true(files >= 4); /* the list, CURRENT, MANIFEST, sorted files */
}

static void every_damaged_byte_of_a_database_is_refused(void **state)
{
    struct world *world = *state;
    struct seeded random = seeded_from(15);
    struct model model = {{0}};

    rt_checkpoints_close(world->checkpoints);
    world->bases = RT_BASE_DATABASE;
    open_world(world);
    while (!rt_checkpoints_plan(world->checkpoints))
        save(world, &model, &random, 1, false);
    rt_checkpoints_compacted(world->checkpoints, rt_checkpoints_compact(world->checkpoints));
    assert_int_equal(save(world, &model, &random, 1, false), 6);
    rt_checkpoints_close(world->checkpoints);
    world->checkpoints = NULL;
    damage_base(world->directory, "base-5");
}

static void one_file_cannot_stand_in_for_another(void **state)
{
    struct world *world = *state;
    struct seeded random = seeded_from(13);
    struct model model = {{0}};
    struct rt_buffer bytes;
    char from[RT_PATH_BYTES_MAX], to[RT_PATH_BYTES_MAX];

    save(world, &model, &random, 4, false);
    save(world, &model, &random, 4, false);
    rt_checkpoints_close(world->checkpoints);
    world->checkpoints = NULL;
    rt_buffer_init(&bytes, 1 << 20);
    snprintf(from, sizeof(from), "%s/delta-1-0", world->directory);
    snprintf(to, sizeof(to), "%s/delta-2-0", world->directory);
    read_file(from, &bytes, &world->why);
    write_bytes(to, bytes.data, bytes.length);
    check_refused(world->directory, "delta-2-0");
    unlink(to);
    check_refused(world->directory, "delta-2-0");
    rt_buffer_done(&bytes);
}

/* ---- memory ---- */

static enum rt_status save_and_read(const char *directory)
{
    struct rt_checkpoints_options options = {
        .directory = directory, .identity = RT_TEXT(identity), .groups = GROUPS};
    struct rt_entry entry = {
        .group = 1, .kind = RT_ENTRY_KEY, .name = RT_TEXT("n"), .value = RT_TEXT("v")};
    struct rt_checkpoint_facts facts = {.facts = RT_TEXT("f")};
    struct rt_checkpoint_made made;
    const struct rt_manifest *manifest;
    struct rt_checkpoints *checkpoints = NULL;
    struct rt_entries *entries = NULL;
    struct rt_buffer why;
    uint64_t id;
    enum rt_status status;

    rt_buffer_init(&why, WHY_BYTES);
    status = rt_checkpoints_open(&options, &why, &checkpoints);
    if (status == RT_OK)
        status = rt_checkpoints_begin(checkpoints, true, &id);
    if (status == RT_OK)
        status = rt_checkpoints_add(checkpoints, &entry);
    if (status == RT_OK)
        status = rt_checkpoints_add_blob(checkpoints, RT_TEXT("b"), RT_TEXT("x"));
    if (status == RT_OK)
        status = rt_checkpoints_prepare(checkpoints, &facts, &made);
    if (status == RT_OK)
        rt_checkpoints_committed(checkpoints);
    if (status == RT_OK)
        status = rt_checkpoints_clean(checkpoints);
    if (status == RT_OK)
        status = rt_checkpoints_choose(checkpoints, 0, NULL, &manifest);
    if (status == RT_OK)
        status = rt_checkpoints_verify(checkpoints, true);
    if (status == RT_OK)
        status = rt_checkpoints_entries(checkpoints, 0, GROUPS, &entries);
    if (status == RT_OK) {
        status = entries->next(entries, &entry);
        entries->free(entries);
    }
    rt_checkpoints_close(checkpoints);
    rt_buffer_done(&why);
    return status;
}

static void every_missing_allocation_is_reported(void **state)
{
    struct world *world = *state;

    rt_checkpoints_close(world->checkpoints);
    world->checkpoints = NULL;

    size_t before = rt_live_blocks();

    for (size_t nth = 1;; nth++) {
        enum rt_status status;

        rt_fault_arm(nth);
        status = save_and_read(world->directory);
        if (!rt_fault_disarm()) {
            assert_int_equal(status, RT_OK);
            assert_true(nth > 20);
            break;
        }
        assert_true(status == RT_OK || status == RT_ERR_NOMEM);
        assert_int_equal(rt_live_blocks(), before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            state_is_the_sum_of_its_checkpoints_with_now_and_then_a_database, make_world,
            end_world),
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, end_world)
        TEST(state_is_the_sum_of_its_checkpoints),
        TEST(state_is_the_sum_of_its_checkpoints_with_bases_of_a_database),
        TEST(every_damaged_byte_of_a_database_is_refused),
        TEST(the_checkpoint_before_the_last_is_kept_whole),
        TEST(as_many_checkpoints_stay_as_are_wished),
        TEST(they_stay_when_the_job_starts_again),
        TEST(an_id_is_never_used_twice),
        TEST(a_locked_directory_is_refused),
        TEST(another_jobs_directory_is_refused),
        TEST(a_mark_binds_the_choice),
        TEST(an_export_is_the_same_state_elsewhere),
        TEST(every_damaged_byte_is_refused),
        TEST(one_file_cannot_stand_in_for_another),
        TEST(every_missing_allocation_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

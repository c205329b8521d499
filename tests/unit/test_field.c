/* SPDX-License-Identifier: Apache-2.0 */
/* The field table: ids, slots, the tree of names. */
#include <stdio.h>

#include "runtime/base/alloc.h"
#include "runtime/event/field.h"
#include "tests/support/unit.h"

/* Splits "geo.lat" at its dots; "" is the whole event. */
static size_t split(const char *path, struct rt_text names[RT_FIELD_DEPTH_MAX])
{
    size_t depth = 0;

    while (*path != '\0') {
        size_t length = strcspn(path, ".");

        names[depth++] = (struct rt_text){path, length};
        path += length + (path[length] == '.');
    }
    return depth;
}

static enum rt_status add(struct rt_fields *fields, const char *path, bool kept, rt_field_id *id)
{
    struct rt_text names[RT_FIELD_DEPTH_MAX];
    size_t depth = split(path, names);

    return rt_fields_add(fields, names, depth, kept, id);
}

static rt_slot find(const struct rt_fields *fields, const char *path)
{
    struct rt_text names[RT_FIELD_DEPTH_MAX];
    size_t depth = split(path, names);

    return rt_fields_find(fields, names, depth);
}

static const struct {
    const char *path;
    bool kept;
} mentions[] = {{"type", false},    {"ip", true},   {"geo.lat", false}, {"", false},
                {"user", false},    {"ip", false},  {"geo", false},     {"user", true},
                {"geo.lon", false}, {"a.b", false}, {"ts", false},      {"a.bb.c", false}};

enum { MENTIONS = COUNT_OF(mentions) };

static void kept_fields_get_the_first_slots_in_order_of_mention(void **state)
{
    static const char *const order[] = {"ip",  "user",    "type", "geo.lat", "",
                                        "geo", "geo.lon", "a.b",  "ts",      "a.bb.c"};
    struct rt_fields *fields;
    rt_field_id ids[MENTIONS];

    (void)state;
    assert_int_equal(rt_fields_new(&fields), RT_OK);
    for (size_t i = 0; i < MENTIONS; i++)
        assert_int_equal(add(fields, mentions[i].path, mentions[i].kept, &ids[i]), RT_OK);
    assert_int_equal(ids[1], ids[5]);
    rt_fields_seal(fields);
    assert_true(rt_fields_sealed(fields));
    assert_int_equal(rt_fields_count(fields), 10);
    assert_int_equal(rt_fields_kept_count(fields), 2);
    for (rt_slot slot = 0; slot < 10; slot++) {
        struct rt_text names[RT_FIELD_DEPTH_MAX];
        size_t depth, wanted = split(order[slot], names);
        const struct rt_text *path = rt_fields_path(fields, slot, &depth);

        assert_int_equal(find(fields, order[slot]), slot);
        assert_int_equal(depth, wanted);
        for (size_t i = 0; i < depth; i++)
            assert_true(rt_text_equal(path[i], names[i]));
    }
    for (size_t i = 0; i < MENTIONS; i++)
        assert_int_equal(rt_fields_slot(fields, ids[i]), find(fields, mentions[i].path));
    assert_int_equal(find(fields, "a"), RT_NO_SLOT);
    assert_int_equal(find(fields, "geo.alt"), RT_NO_SLOT);
    assert_int_equal(find(fields, "geo.lat.x"), RT_NO_SLOT);
    rt_fields_free(fields);
}

static void the_tree_has_every_path_and_sorted_children(void **state)
{
    struct rt_fields *fields;
    rt_field_id id;
    size_t count, slots = 0;

    (void)state;
    assert_int_equal(rt_fields_new(&fields), RT_OK);
    for (size_t i = 0; i < MENTIONS; i++)
        assert_int_equal(add(fields, mentions[i].path, mentions[i].kept, &id), RT_OK);
    rt_fields_seal(fields);

    const struct rt_field_node *nodes = rt_fields_tree(fields, &count);

    assert_int_equal(count,
                     12); /* the whole; a ip ts geo type user; a.b a.bb geo.lat geo.lon; a.bb.c */
    assert_int_equal(nodes[0].child_count, 6);
    for (size_t i = 0; i < count; i++) {
        const struct rt_field_node *children = nodes + nodes[i].child_first;

        slots += nodes[i].slot != RT_NO_SLOT;
        for (size_t k = 1; k < nodes[i].child_count; k++) {
            struct rt_text a = children[k - 1].name, b = children[k].name;

            assert_true(a.length < b.length || (a.length == b.length && rt_text_compare(a, b) < 0));
        }
    }
    assert_int_equal(slots, 10);
    rt_fields_free(fields);
}

static void an_empty_table_has_only_the_root(void **state)
{
    struct rt_fields *fields;
    size_t count;

    (void)state;
    assert_int_equal(rt_fields_new(&fields), RT_OK);
    rt_fields_seal(fields);
    assert_int_equal(rt_fields_count(fields), 0);

    const struct rt_field_node *nodes = rt_fields_tree(fields, &count);

    assert_int_equal(count, 1);
    assert_int_equal(nodes[0].slot, RT_NO_SLOT);
    assert_int_equal(nodes[0].child_count, 0);
    rt_fields_free(fields);
}

static void names_with_dots_and_empty_names_are_kept_apart(void **state)
{
    const struct rt_text dotted[] = {RT_TEXT("a.b")}, nested[] = {RT_TEXT("a"), RT_TEXT("b")};
    const struct rt_text empty[] = {RT_TEXT("")};
    struct rt_fields *fields;
    rt_field_id ids[4];

    (void)state;
    assert_int_equal(rt_fields_new(&fields), RT_OK);
    assert_int_equal(rt_fields_add(fields, dotted, 1, false, &ids[0]), RT_OK);
    assert_int_equal(rt_fields_add(fields, nested, 2, false, &ids[1]), RT_OK);
    assert_int_equal(rt_fields_add(fields, empty, 1, false, &ids[2]), RT_OK);
    assert_int_equal(rt_fields_add(fields, NULL, 0, false, &ids[3]), RT_OK);
    rt_fields_seal(fields);
    assert_int_equal(rt_fields_count(fields), 4);
    assert_int_equal(rt_fields_find(fields, dotted, 1), 0);
    assert_int_equal(rt_fields_find(fields, nested, 2), 1);
    assert_int_equal(rt_fields_find(fields, empty, 1), 2);
    assert_int_equal(rt_fields_find(fields, NULL, 0), 3);
    rt_fields_free(fields);
}

static void limits_are_statuses(void **state)
{
    struct rt_text names[RT_FIELD_DEPTH_MAX + 1];
    struct rt_fields *fields;
    rt_field_id id;
    char name[16];

    (void)state;
    for (size_t i = 0; i <= RT_FIELD_DEPTH_MAX; i++)
        names[i] = RT_TEXT("x");
    assert_int_equal(rt_fields_new(&fields), RT_OK);
    assert_int_equal(rt_fields_add(fields, names, RT_FIELD_DEPTH_MAX + 1, false, &id),
                     RT_ERR_LIMIT);
    assert_int_equal(rt_fields_add(fields, names, RT_FIELD_DEPTH_MAX, false, &id), RT_OK);
    for (unsigned i = 1; i < RT_FIELDS_MAX; i++) {
        snprintf(name, sizeof(name), "f%u", i);
        assert_int_equal(add(fields, name, i % 3 == 0, &id), RT_OK);
    }
    assert_int_equal(add(fields, "one_more", false, &id), RT_ERR_LIMIT);
    assert_int_equal(add(fields, "f17", true, &id), RT_OK);
    assert_int_equal(id, 17);
    rt_fields_seal(fields);
    for (unsigned i = 1; i < RT_FIELDS_MAX; i++) {
        snprintf(name, sizeof(name), "f%u", i);
        assert_int_equal(find(fields, name), rt_fields_slot(fields, i));
    }
    rt_fields_free(fields);
}

static enum rt_status build(void)
{
    struct rt_fields *fields;
    enum rt_status status = rt_fields_new(&fields);
    rt_field_id id;

    for (size_t i = 0; status == RT_OK && i < 200; i++) {
        char path[32];

        snprintf(path, sizeof(path), "g%zu.h%zu.x", i % 7, i);
        status = add(fields, path, i % 2 == 0, &id);
        if (status == RT_ERR_NOMEM) { /* the table is as before: the same call works */
            assert_int_equal(add(fields, path, i % 2 == 0, &id), RT_OK);
            assert_int_equal(id, i);
            rt_fields_free(fields);
            return RT_ERR_NOMEM;
        }
    }
    if (status == RT_OK)
        rt_fields_free(fields);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    size_t before = rt_live_blocks();

    (void)state;
    for (size_t nth = 1;; nth++) {
        rt_fault_arm(nth);
        enum rt_status status = build();
        if (!rt_fault_disarm()) {
            assert_int_equal(status, RT_OK);
            assert_true(nth > 5);
            break;
        }
        assert_int_equal(status, RT_ERR_NOMEM);
        assert_int_equal(rt_live_blocks(), before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_fields_get_the_first_slots_in_order_of_mention),
        cmocka_unit_test(the_tree_has_every_path_and_sorted_children),
        cmocka_unit_test(an_empty_table_has_only_the_root),
        cmocka_unit_test(names_with_dots_and_empty_names_are_kept_apart),
        cmocka_unit_test(limits_are_statuses),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

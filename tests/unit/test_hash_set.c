/* SPDX-License-Identifier: Apache-2.0 */
/* The set of hashes against a list of counts. */
#include "tests/support/unit.h"

#include "runtime/base/alloc.h"
#include "runtime/state/hash_set.h"
#include "tests/support/seeded.h"

enum { HASHES = 300, STEPS = 40000 };

/* Few homes, so that clusters are long and go round the end; 0 and 1 share a place in the set. */
static uint64_t hash_of(uint32_t number)
{
    return number < 2 ? 0 : (uint64_t)(number % 7) << 60 | number / 2;
}

static void check(const struct rt_hash_set *set, const uint32_t *counts)
{
    size_t sum = 0;

    for (uint32_t i = 0; i < HASHES; i += 2) {
        assert_int_equal(rt_hash_set_has(set, hash_of(i)), counts[i] > 0);
        sum += counts[i];
    }
    assert_int_equal(set->count, sum);
}

static void a_set_holds_what_was_added_and_not_removed(void **state)
{
    struct rt_hash_set set = {0};
    struct seeded seeded = seeded_from(7);
    uint32_t counts[HASHES] = {0};

    (void)state;
    for (uint32_t step = 0; step < STEPS; step++) {
        /* It fills and empties several times. */
        const uint32_t adds = step / (STEPS / 8) % 2 == 0 ? 3 : 1;
        const uint32_t number = seeded_below(&seeded, HASHES / 2) * 2;

        if (seeded_below(&seeded, 4) < adds) {
            assert_int_equal(rt_hash_set_add(&set, hash_of(number)), RT_OK);
            counts[number]++;
        } else {
            assert_int_equal(rt_hash_set_remove(&set, hash_of(number)), counts[number] > 0);
            counts[number] -= counts[number] > 0;
        }
        assert_true(set.count <= set.capacity / 4 * 3);
        if (step % 100 == 0)
            check(&set, counts);
    }
    check(&set, counts);
    rt_hash_set_done(&set);
}

static void an_empty_set_gives_its_memory_back(void **state)
{
    struct rt_hash_set set = {0};
    size_t before;

    (void)state;
    for (uint64_t i = 0; i < 10000; i++)
        assert_int_equal(rt_hash_set_add(&set, i << 7), RT_OK);
    before = rt_hash_set_bytes(&set);
    assert_true(before <= 43 * set.count);
    for (uint64_t i = 0; i < 10000; i++)
        assert_true(rt_hash_set_remove(&set, i << 7));
    assert_true(rt_hash_set_bytes(&set) < before / 100);
    rt_hash_set_done(&set);
}

static void without_memory_nothing_is_added(void **state)
{
    struct rt_hash_set set = {0};

    (void)state;
    for (uint64_t i = 1; i <= 12; i++)
        assert_int_equal(rt_hash_set_add(&set, i), RT_OK);
    rt_fault_arm(1);
    assert_int_equal(rt_hash_set_add(&set, 13), RT_ERR_NOMEM);
    assert_true(rt_fault_disarm());
    assert_false(rt_hash_set_has(&set, 13));
    for (uint64_t i = 1; i <= 12; i++)
        assert_true(rt_hash_set_has(&set, i));
    rt_hash_set_done(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_holds_what_was_added_and_not_removed),
        cmocka_unit_test(an_empty_set_gives_its_memory_back),
        cmocka_unit_test(without_memory_nothing_is_added),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

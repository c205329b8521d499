/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/window/distinct.h"

#include <math.h>
#include <string.h>

#include "runtime/base/assert.h"

enum {
    CAPACITY_FIRST = 8,
    INDEX_BITS = 14,
    REGISTERS = 1 << INDEX_BITS,
    RUN_MAX = 64 - INDEX_BITS + 1, /* 0: the register has seen nothing */
    RUN_BITS = 6
};

struct rt_distinct_sketch {
    uint32_t histogram[RUN_MAX + 1]; /* registers by their longest run */
    uint64_t registers[]; /* bytes; of a set that forgets: bits of the runs that are held */
};
_Static_assert(sizeof(struct rt_distinct_sketch) % sizeof(uint64_t) == 0, "nothing between");

static size_t sketch_bytes(bool forgets)
{
    return sizeof(struct rt_distinct_sketch) + (forgets ? REGISTERS * sizeof(uint64_t) : REGISTERS);
}

static uint8_t *runs_of(const struct rt_distinct_sketch *sketch)
{
    return (uint8_t *)(uintptr_t)sketch->registers;
}

/* ---- the table ---- */

static uint32_t home_of(const struct rt_distinct *set, uint64_t key)
{
    return (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (set->capacity - 1);
}

/* The key's place, or the free one where it would be. */
static uint32_t place_of(const struct rt_distinct *set, uint64_t key)
{
    uint32_t at = home_of(set, key);

    RT_ASSERT(set->entries != NULL);
    while (set->entries[at].is_used && set->entries[at].key != key)
        at = (at + 1) & (set->capacity - 1);
    return at;
}

static bool has(const struct rt_distinct *set, uint64_t key)
{
    return set->capacity > 0 && set->entries[place_of(set, key)].is_used;
}

static void unlink_entry(struct rt_distinct *set, uint32_t at)
{
    const struct rt_distinct_entry *entry = &set->entries[at];

    RT_ASSERT(set->entries != NULL);
    if (at == set->oldest)
        set->oldest = entry->newer;
    else
        set->entries[entry->older].newer = at == set->newest ? entry->older : entry->newer;
    if (at == set->newest)
        set->newest = entry->older;
    else
        set->entries[entry->newer].older =
            set->oldest == entry->newer ? entry->newer : entry->older;
}

static void link_newest(struct rt_distinct *set, uint32_t at)
{
    struct rt_distinct_entry *entry = &set->entries[at];

    entry->older = entry->newer = at;
    if (set->used > 0) {
        entry->older = set->newest;
        set->entries[set->newest].newer = at;
    } else {
        set->oldest = at;
    }
    set->newest = at;
}

/* The entry now lies at `to`; its neighbours are told. */
static void move_entry(struct rt_distinct *set, uint32_t from, uint32_t to)
{
    struct rt_distinct_entry *entry = &set->entries[to];

    *entry = set->entries[from];
    if (from == set->oldest) {
        set->oldest = to;
        entry->older = to;
    } else {
        set->entries[entry->older].newer = to;
    }
    if (from == set->newest) {
        set->newest = to;
        entry->newer = to;
    } else {
        set->entries[entry->newer].older = to;
    }
}

static void take_out(struct rt_distinct *set, uint32_t at)
{
    const uint32_t mask = set->capacity - 1;
    uint32_t hole = at;

    unlink_entry(set, at);
    set->entries[at].is_used = false;
    set->used--;
    for (uint32_t next = (hole + 1) & mask; set->entries[next].is_used; next = (next + 1) & mask) {
        const uint32_t home = home_of(set, set->entries[next].key);

        if (((next - home) & mask) < ((next - hole) & mask))
            continue;
        move_entry(set, next, hole);
        set->entries[next].is_used = false;
        hole = next;
    }
}

/* Puts the key at the newest end, with its pane. */
static void touch(struct rt_distinct *set, uint64_t key, uint32_t pane)
{
    const uint32_t at = place_of(set, key);
    struct rt_distinct_entry *entry = &set->entries[at];

    RT_ASSERT(set->entries != NULL);
    if (entry->is_used) {
        if (entry->pane == pane)
            return;
        if (at != set->newest) {
            unlink_entry(set, at);
            link_newest(set, at);
        }
        entry->pane = pane;
        return;
    }
    *entry = (struct rt_distinct_entry){.key = key, .pane = pane, .is_used = true};
    link_newest(set, at);
    set->used++;
}

static enum rt_status grow(struct rt_distinct *set, struct rt_blocks *blocks)
{
    struct rt_distinct larger = *set;

    larger.capacity = set->capacity == 0 ? CAPACITY_FIRST : set->capacity * 2;
    larger.entries = rt_blocks_take(blocks, larger.capacity * sizeof(*larger.entries));
    if (larger.entries == NULL)
        return RT_ERR_NOMEM;
    memset(larger.entries, 0, larger.capacity * sizeof(*larger.entries));
    larger.used = 0;
    for (uint32_t i = 0, at = set->oldest; i < set->used; i++, at = set->entries[at].newer)
        touch(&larger, set->entries[at].key, set->entries[at].pane);
    rt_blocks_give(blocks, set->entries, set->capacity * sizeof(*set->entries));
    *set = larger;
    return RT_OK;
}

/* ---- the sketch ---- */

static uint32_t register_of(uint64_t hash)
{
    return (uint32_t)(hash >> (64 - INDEX_BITS));
}

static uint32_t run_of(uint64_t hash)
{
    const uint64_t rest = hash << INDEX_BITS;

    return rest == 0 ? RUN_MAX : (uint32_t)__builtin_clzll(rest) + 1;
}

static uint64_t key_of_run(uint32_t index, uint32_t run)
{
    return (uint64_t)index << RUN_BITS | run;
}

static uint32_t longest(const struct rt_distinct *set, uint32_t index)
{
    const struct rt_distinct_sketch *sketch = set->sketch;

    RT_ASSERT(sketch != NULL);
    if (!set->forgets)
        return runs_of(sketch)[index];
    if (sketch->registers[index] == 0)
        return 0;
    return (uint32_t)(63 - __builtin_clzll(sketch->registers[index]));
}

static void count_change(struct rt_distinct *set, uint32_t before, uint32_t after)
{
    RT_ASSERT(set->sketch != NULL);
    set->sketch->histogram[before]--;
    set->sketch->histogram[after]++;
}

static void add_run(struct rt_distinct *set, uint32_t index, uint32_t run, uint32_t pane)
{
    const uint32_t before = longest(set, index);

    if (!set->forgets) {
        if (run > before) {
            runs_of(set->sketch)[index] = (uint8_t)run;
            count_change(set, before, run);
        }
        return;
    }

    uint64_t *held = &set->sketch->registers[index];

    RT_ASSERT(set->entries != NULL);
    if (run < before && set->entries[place_of(set, key_of_run(index, before))].pane == pane)
        return; /* a longer one goes no sooner */
    for (uint64_t shorter = *held & ((UINT64_C(1) << run) - 1); shorter != 0;
         shorter &= shorter - 1)
        take_out(set, place_of(set, key_of_run(index, (uint32_t)__builtin_ctzll(shorter))));
    *held = (*held >> run << run) | UINT64_C(1) << run;
    touch(set, key_of_run(index, run), pane);
    if (run > before)
        count_change(set, before, run);
}

/* The exact set becomes a sketch of the same keys. */
static enum rt_status make_sketch(struct rt_distinct *set, struct rt_blocks *blocks)
{
    struct rt_distinct sketch = {.forgets = set->forgets};

    sketch.sketch = rt_blocks_take(blocks, sketch_bytes(set->forgets));
    if (sketch.sketch == NULL)
        return RT_ERR_NOMEM;
    memset(sketch.sketch, 0, sketch_bytes(set->forgets));
    sketch.sketch->histogram[0] = REGISTERS;
    if (set->forgets && set->capacity > 0) {
        sketch.capacity = set->capacity;
        sketch.entries = rt_blocks_take(blocks, set->capacity * sizeof(*set->entries));
        if (sketch.entries == NULL) {
            rt_blocks_give(blocks, sketch.sketch, sketch_bytes(set->forgets));
            return RT_ERR_NOMEM;
        }
        memset(sketch.entries, 0, set->capacity * sizeof(*set->entries));
    }
    for (uint32_t i = 0, at = set->oldest; i < set->used; i++, at = set->entries[at].newer)
        add_run(&sketch, register_of(set->entries[at].key), run_of(set->entries[at].key),
                set->entries[at].pane);
    rt_blocks_give(blocks, set->entries, set->capacity * sizeof(*set->entries));
    *set = sketch;
    return RT_OK;
}

static double sigma(double x)
{
    double y = 1, z = x, before;

    if (x == 1)
        return INFINITY;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (z != before);
    return z;
}

static double tau(double x)
{
    double y = 1, z = 1 - x, before;

    if (x == 0 || x == 1)
        return 0;
    do {
        x = sqrt(x);
        before = z;
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    } while (z != before);
    return z / 3;
}

static uint64_t estimate(const struct rt_distinct_sketch *sketch)
{
    const double registers = REGISTERS;
    double z = registers * tau(1 - sketch->histogram[RUN_MAX] / registers);

    for (uint32_t run = RUN_MAX - 1; run >= 1; run--)
        z = 0.5 * (z + sketch->histogram[run]);
    z += registers * sigma(sketch->histogram[0] / registers);
    return (uint64_t)llround(registers * registers / (2 * log(2) * z));
}

/* ---- interface ---- */

enum rt_status rt_distinct_reserve(struct rt_distinct *set, uint64_t hash, uint32_t exact_max,
                                   bool forgets, struct rt_blocks *blocks)
{
    set->forgets = forgets;
    if (set->sketch == NULL && set->used >= exact_max && !has(set, hash)) {
        enum rt_status status = make_sketch(set, blocks);

        if (status != RT_OK)
            return status;
    }
    if (set->sketch != NULL && !forgets)
        return RT_OK;
    return (set->used + 1) * 4 > set->capacity * 3 ? grow(set, blocks) : RT_OK;
}

void rt_distinct_add(struct rt_distinct *set, uint64_t hash, uint32_t pane)
{
    if (set->sketch == NULL)
        touch(set, hash, set->forgets ? pane : 0);
    else
        add_run(set, register_of(hash), run_of(hash), pane);
}

void rt_distinct_forget(struct rt_distinct *set, uint32_t pane, struct rt_blocks *blocks)
{
    while (set->used > 0 && set->entries[set->oldest].pane == pane) {
        const uint64_t key = set->entries[set->oldest].key;

        take_out(set, set->oldest);
        if (set->sketch != NULL) {
            const uint32_t index = (uint32_t)(key >> RUN_BITS);
            const uint32_t before = longest(set, index);

            set->sketch->registers[index] &= ~(UINT64_C(1) << (key & ((1 << RUN_BITS) - 1)));
            count_change(set, before, longest(set, index));
        }
    }
    if (set->used == 0 && set->sketch != NULL) {
        rt_blocks_give(blocks, set->sketch, sketch_bytes(true));
        set->sketch = NULL;
    }
}

enum rt_status rt_distinct_merge(struct rt_distinct *into, const struct rt_distinct *from,
                                 uint32_t exact_max, struct rt_blocks *blocks)
{
    enum rt_status status = RT_OK;

    RT_ASSERT(!into->forgets && !from->forgets);
    if (from->sketch != NULL) {
        if (into->sketch == NULL)
            status = make_sketch(into, blocks);
        for (uint32_t i = 0; status == RT_OK && i < REGISTERS; i++)
            add_run(into, i, runs_of(from->sketch)[i], 0);
        return status;
    }
    for (uint32_t i = 0, at = from->oldest; i < from->used; i++, at = from->entries[at].newer) {
        status = rt_distinct_reserve(into, from->entries[at].key, exact_max, false, blocks);
        if (status != RT_OK)
            return status;
        rt_distinct_add(into, from->entries[at].key, 0);
    }
    return RT_OK;
}

uint64_t rt_distinct_count(const struct rt_distinct *set)
{
    return set->sketch == NULL ? set->used : estimate(set->sketch);
}

void rt_distinct_done(struct rt_distinct *set, struct rt_blocks *blocks)
{
    rt_blocks_give(blocks, set->entries, set->capacity * sizeof(*set->entries));
    rt_blocks_give(blocks, set->sketch, sketch_bytes(set->forgets));
    *set = (struct rt_distinct){0};
}

/* ---- the saved form ---- */

void rt_distinct_save(const struct rt_distinct *set, uint32_t newest_pane, struct rt_buffer *out)
{
    rt_form_add_bool(out, set->sketch != NULL);
    if (set->sketch != NULL && !set->forgets) {
        for (uint32_t i = 0; i < REGISTERS; i++)
            rt_form_add_byte(out, runs_of(set->sketch)[i]);
        return;
    }
    rt_form_add_uint(out, set->used);
    for (uint32_t i = 0, at = set->oldest; i < set->used; i++, at = set->entries[at].newer) {
        if (set->sketch != NULL)
            rt_form_add_uint(out, set->entries[at].key);
        else
            rt_form_add_fixed(out, set->entries[at].key);
        if (set->forgets)
            rt_form_add_uint(out, newest_pane - set->entries[at].pane);
    }
}

static enum rt_status load_entries(struct rt_distinct *set, uint32_t newest_pane, uint32_t panes,
                                   struct rt_form *form, struct rt_blocks *blocks)
{
    const size_t count = rt_form_count(form, set->forgets ? 2 : 8);
    uint64_t back_max = panes;

    if (count > 0 && set->forgets && panes == 0)
        rt_form_fail(form, "values of a window without panes");
    for (size_t i = 0; i < count && !rt_form_failed(form); i++) {
        const uint64_t key = set->sketch == NULL ? rt_form_fixed(form)
                                                 : rt_form_uint_max(form, key_of_run(REGISTERS, 0));
        const uint64_t back = set->forgets ? rt_form_uint_max(form, panes - 1) : 0;
        const uint32_t run = (uint32_t)key & ((1 << RUN_BITS) - 1);

        if (back > back_max ||
            (set->sketch != NULL && (run == 0 || run > RUN_MAX || key >> RUN_BITS >= REGISTERS)))
            rt_form_fail(form, "a value that is in no pane");
        back_max = back;
        if (rt_form_failed(form))
            break;
        if ((set->used + 1) * 4 > set->capacity * 3 && grow(set, blocks) != RT_OK)
            return RT_ERR_NOMEM;
        if (set->sketch == NULL)
            touch(set, key, newest_pane - (uint32_t)back);
        else
            add_run(set, (uint32_t)(key >> RUN_BITS), run, newest_pane - (uint32_t)back);
    }
    return rt_form_failed(form) ? RT_ERR_CORRUPT : RT_OK;
}

enum rt_status rt_distinct_load(struct rt_distinct *set, uint32_t newest_pane, uint32_t panes,
                                struct rt_form *form, struct rt_blocks *blocks)
{
    const bool is_sketch = rt_form_bool(form);

    if (rt_form_failed(form))
        return RT_ERR_CORRUPT;
    if (is_sketch) {
        if (!set->forgets && rt_form_left(form) < REGISTERS) {
            rt_form_fail(form, "a sketch that is cut short");
            return RT_ERR_CORRUPT;
        }
        if (make_sketch(set, blocks) != RT_OK)
            return RT_ERR_NOMEM;
    }
    if (!is_sketch || set->forgets)
        return load_entries(set, newest_pane, panes, form, blocks);
    for (uint32_t i = 0; i < REGISTERS; i++) {
        const uint8_t run = rt_form_byte(form);

        if (run > RUN_MAX)
            rt_form_fail(form, "a register that is too long");
        else
            add_run(set, i, run, 0);
    }
    return rt_form_failed(form) ? RT_ERR_CORRUPT : RT_OK;
}

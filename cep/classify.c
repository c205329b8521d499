/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules stand in words of 64 bits.  A waiting is the membership of the rules of one word in the `waits` of one bucket.  It is
 * either there, at `place`, or on its word's list of those to be put back; none is on that list while a rule of the word has runs.
 *
 * What is hit is collected in two levels of bits, which makes the list distinct and sorted at the price of its length.
 */
#include "cep/classify.h"

#include <string.h>

#include "cep/probes.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

enum { WORD = 64 };
#define NO_WAITING UINT32_MAX

struct span { /* some rules of one word */
    uint64_t bits;
    uint32_t word;
};

struct waiting {
    struct span rules;
    uint32_t bucket;
    uint32_t place; /* in the bucket's `waits`, or NO_WAITING */
    uint32_t next;  /* of those to be put back */
};

struct bucket {
    struct span *starts; /* into the classifier's `starts`, ascending */
    uint32_t *waits;     /* waitings; into the classifier's `members` */
    uint32_t start_count, wait_count;
    uint32_t newest; /* of its waitings, while they are made */
};

struct word {
    uint64_t live;   /* rules with runs */
    uint64_t marked; /* by the event at hand; 0 between events */
    uint32_t absent; /* first of the waitings to be put back */
};

struct cep_classifier {
    struct cep_probes *probes;
    struct bucket *buckets;   /* owned; 0: every event; probe bucket b is b + 1 */
    struct waiting *waitings; /* owned */
    struct span *starts;      /* owned */
    uint32_t *members;        /* owned */
    uint32_t *runs;           /* owned; by rule: slots with runs */
    uint32_t bucket_count, waiting_count, rule_count;
    struct word *words; /* owned; of rules */
    uint64_t *sums;     /* owned; bits of words that have marks */
    uint32_t *found;    /* owned; as long as there are rules */
    uint64_t *routed; /* owned; by source, as many words each: bits of rules; NULL: no difference */
    size_t source_count;
};

void cep_classifier_free(struct cep_classifier *classifier)
{
    if (classifier == NULL)
        return;
    cep_probes_free(classifier->probes);
    rt_free(classifier->buckets);
    rt_free(classifier->waitings);
    rt_free(classifier->starts);
    rt_free(classifier->members);
    rt_free(classifier->runs);
    rt_free(classifier->words);
    rt_free(classifier->sums);
    rt_free(classifier->found);
    rt_free(classifier->routed);
    rt_free(classifier);
}

/* ---- building: the places of all probes, how many each bucket has, then the lists ---- */

struct place { /* one probe of one route */
    uint32_t rule, bucket;
    bool waits;
};

struct places {
    struct place *items; /* owned */
    size_t count;
};

static size_t route_places(const struct rule_route *route)
{
    return route->all ? 1 : route->probe_count;
}

static enum rt_status place_route(struct cep_classifier *classifier, uint32_t rule,
                                  const struct rule_route *route, bool waits, struct places *places)
{
    enum rt_status status = RT_OK;

    if (route->all)
        places->items[places->count++] = (struct place){rule, 0, waits};
    for (size_t i = 0; !route->all && i < route->probe_count && status == RT_OK; i++) {
        uint32_t bucket = 0;

        status = cep_probes_add(classifier->probes, &route->probes[i], &bucket);
        places->items[places->count++] = (struct place){rule, bucket + 1, waits};
        if (bucket + 2 > classifier->bucket_count)
            classifier->bucket_count = bucket + 2;
    }
    return status;
}

static enum rt_status place_rules(struct cep_classifier *classifier, const struct rule_plan *plan,
                                  bool asks_all, struct places *places)
{
    static const struct rule_route every = {.all = true};
    enum rt_status status = RT_OK;
    size_t count = 0;

    for (uint32_t i = 0; i < plan->rule_count; i++)
        count += asks_all
                     ? 2
                     : route_places(&plan->rules[i]->start) + route_places(&plan->rules[i]->route);
    places->items = rt_alloc_zeroed(count, sizeof(*places->items));
    if (places->items == NULL)
        return RT_ERR_NOMEM;
    classifier->bucket_count = 1;
    for (uint32_t i = 0; i < plan->rule_count && status == RT_OK; i++) {
        const struct rule *rule = plan->rules[i];

        if (rule->mode == RULE_MODE_OFF)
            continue;
        status = place_route(classifier, i, asks_all ? &every : &rule->start, false, places);
        if (status == RT_OK && rule->kind == RULE_PATTERN)
            status = place_route(classifier, i, asks_all ? &every : &rule->route, true, places);
    }
    return status;
}

/* Places come in the order of their rules, so those of one word follow each other. */
static void add_waiting(struct cep_classifier *classifier, struct bucket *bucket,
                        const struct place *place)
{
    const uint64_t bit = UINT64_C(1) << place->rule % WORD;
    const uint32_t number = place->rule / WORD;
    struct word *word = &classifier->words[number];

    if (bucket->newest != NO_WAITING && classifier->waitings[bucket->newest].rules.word == number) {
        classifier->waitings[bucket->newest].rules.bits |= bit;
        return;
    }
    classifier->waitings[classifier->waiting_count] = (struct waiting){
        .rules = {bit, number}, .bucket = place->bucket, .place = NO_WAITING, .next = word->absent};
    word->absent = bucket->newest = classifier->waiting_count++;
}

static void add_start(struct bucket *bucket, uint32_t rule)
{
    const uint64_t bit = UINT64_C(1) << rule % WORD;

    if (bucket->start_count > 0 && bucket->starts[bucket->start_count - 1].word == rule / WORD)
        bucket->starts[bucket->start_count - 1].bits |= bit;
    else
        bucket->starts[bucket->start_count++] = (struct span){bit, rule / WORD};
}

static void fill_buckets(struct cep_classifier *classifier, const struct places *places)
{
    struct span *starts = classifier->starts;
    uint32_t *waits = classifier->members;

    for (size_t i = 0; i < places->count; i++) {
        struct bucket *bucket = &classifier->buckets[places->items[i].bucket];

        bucket->start_count += !places->items[i].waits;
        bucket->wait_count += places->items[i].waits;
    }
    for (uint32_t i = 0; i < classifier->bucket_count; i++) {
        struct bucket *bucket = &classifier->buckets[i];

        bucket->starts = starts;
        bucket->waits = waits;
        starts += bucket->start_count;
        waits += bucket->wait_count;
        bucket->start_count = bucket->wait_count = 0;
        bucket->newest = NO_WAITING;
    }
    for (size_t i = 0; i < places->count; i++) {
        struct bucket *bucket = &classifier->buckets[places->items[i].bucket];

        if (places->items[i].waits)
            add_waiting(classifier, bucket, &places->items[i]);
        else
            add_start(bucket, places->items[i].rule);
    }
}

static enum rt_status make_lists(struct cep_classifier *classifier, const struct places *places)
{
    size_t words = classifier->rule_count / WORD + 1, waits = 0;

    for (size_t i = 0; i < places->count; i++)
        waits += places->items[i].waits;
    classifier->buckets = rt_alloc_zeroed(classifier->bucket_count, sizeof(struct bucket));
    classifier->starts = rt_alloc_zeroed(places->count - waits, sizeof(struct span));
    classifier->members = rt_alloc_zeroed(waits, sizeof(uint32_t));
    classifier->waitings = rt_alloc_zeroed(waits, sizeof(struct waiting));
    classifier->runs = rt_alloc_zeroed(classifier->rule_count, sizeof(uint32_t));
    classifier->words = rt_alloc_zeroed(words, sizeof(struct word));
    classifier->sums = rt_alloc_zeroed(words / WORD + 1, sizeof(uint64_t));
    classifier->found = rt_alloc_zeroed(classifier->rule_count, sizeof(uint32_t));
    if (classifier->buckets == NULL || classifier->starts == NULL || classifier->members == NULL ||
        classifier->waitings == NULL || classifier->runs == NULL || classifier->words == NULL ||
        classifier->sums == NULL || classifier->found == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < words; i++)
        classifier->words[i].absent = NO_WAITING;
    fill_buckets(classifier, places);
    return RT_OK;
}

enum rt_status cep_classifier_new(const struct rule_plan *plan, bool asks_all,
                                  struct cep_classifier **out)
{
    struct cep_classifier *classifier = rt_alloc_zeroed(1, sizeof(*classifier));
    struct places places = {NULL, 0};
    enum rt_status status;

    if (classifier == NULL)
        return RT_ERR_NOMEM;
    classifier->rule_count = plan->rule_count;
    status = cep_probes_new(&classifier->probes);
    if (status == RT_OK)
        status = place_rules(classifier, plan, asks_all, &places);
    if (status == RT_OK)
        status = cep_probes_seal(classifier->probes);
    if (status == RT_OK)
        status = make_lists(classifier, &places);
    rt_free(places.items);
    if (status != RT_OK) {
        cep_classifier_free(classifier);
        return status;
    }
    *out = classifier;
    return RT_OK;
}

/* ---- sources ---- */

static size_t word_count(const struct cep_classifier *classifier)
{
    return classifier->rule_count / WORD + 1;
}

static bool names_source(const struct rule *rule, const char *name)
{
    for (uint32_t i = 0; i < rule->source_count; i++) {
        if (strcmp(rule->sources[i], name) == 0)
            return true;
    }
    return rule->source_count == 0;
}

enum rt_status cep_classifier_route(struct cep_classifier *classifier, const struct rule_plan *plan,
                                    const char *const *names, size_t count)
{
    size_t words = word_count(classifier);

    RT_ASSERT(classifier->routed == NULL);
    classifier->routed = rt_alloc_zeroed(count * words, sizeof(uint64_t));
    if (classifier->routed == NULL)
        return RT_ERR_NOMEM;
    classifier->source_count = count;
    for (size_t source = 0; source < count; source++) {
        for (uint32_t i = 0; i < plan->rule_count; i++) {
            if (names_source(plan->rules[i], names[source]))
                classifier->routed[source * words + i / WORD] |= UINT64_C(1) << i % WORD;
        }
    }
    return RT_OK;
}

/* The bits of the rules that events of a source are for; NULL: all. */
static const uint64_t *routed(const struct cep_classifier *classifier, uint32_t source)
{
    if (classifier->routed == NULL || source >= classifier->source_count)
        return NULL;
    return classifier->routed + source * word_count(classifier);
}

bool cep_classifier_routes(const struct cep_classifier *classifier, uint32_t source, uint32_t rule)
{
    const uint64_t *bits = routed(classifier, source);

    return bits == NULL || (bits[rule / WORD] >> rule % WORD & 1) != 0;
}

/* ---- who waits ---- */

void cep_classifier_wake(struct cep_classifier *classifier, uint32_t rule)
{
    struct word *word = &classifier->words[rule / WORD];

    if (classifier->runs[rule]++ > 0)
        return;
    word->live |= UINT64_C(1) << rule % WORD;
    while (word->absent != NO_WAITING) {
        struct waiting *waiting = &classifier->waitings[word->absent];
        struct bucket *bucket = &classifier->buckets[waiting->bucket];

        waiting->place = bucket->wait_count;
        bucket->waits[bucket->wait_count++] = word->absent;
        word->absent = waiting->next;
    }
}

void cep_classifier_rest(struct cep_classifier *classifier, uint32_t rule)
{
    RT_ASSERT(classifier->runs[rule] > 0);
    if (--classifier->runs[rule] == 0)
        classifier->words[rule / WORD].live &= ~(UINT64_C(1) << rule % WORD);
}

/* The last of the bucket takes the place. */
static void take_out(struct cep_classifier *classifier, struct bucket *bucket, uint32_t place)
{
    uint32_t out = bucket->waits[place], last = bucket->waits[--bucket->wait_count];
    struct waiting *waiting = &classifier->waitings[out];
    struct word *word = &classifier->words[waiting->rules.word];

    bucket->waits[place] = last;
    classifier->waitings[last].place = place;
    waiting->place = NO_WAITING;
    waiting->next = word->absent;
    word->absent = out;
}

/* ---- an event ---- */

static void mark(struct cep_classifier *classifier, uint32_t word, uint64_t bits)
{
    classifier->words[word].marked |= bits;
    classifier->sums[word / WORD] |= UINT64_C(1) << word % WORD;
}

static void hit(struct cep_classifier *classifier, struct bucket *bucket)
{
    for (uint32_t i = 0; i < bucket->start_count; i++)
        mark(classifier, bucket->starts[i].word, bucket->starts[i].bits);
    for (uint32_t i = 0; i < bucket->wait_count;) {
        const struct span *rules = &classifier->waitings[bucket->waits[i]].rules;
        uint64_t live = classifier->words[rules->word].live;

        if (live == 0) {
            take_out(classifier, bucket, i);
            continue;
        }
        mark(classifier, rules->word, live & rules->bits);
        i++;
    }
}

static void hit_probe(void *context, uint32_t bucket)
{
    struct cep_classifier *classifier = context;

    hit(classifier, &classifier->buckets[bucket + 1]);
}

/* The marked rules in order, of those that the source is for; clears the marks. */
static size_t collect(struct cep_classifier *classifier, const uint64_t *allowed)
{
    size_t sums = classifier->rule_count / WORD / WORD + 1, count = 0;

    for (size_t i = 0; i < sums; i++) {
        for (; classifier->sums[i] != 0; classifier->sums[i] &= classifier->sums[i] - 1) {
            size_t word = i * WORD + (size_t)__builtin_ctzll(classifier->sums[i]);
            uint64_t bits =
                classifier->words[word].marked & (allowed == NULL ? UINT64_MAX : allowed[word]);

            for (; bits != 0; bits &= bits - 1)
                classifier->found[count++] =
                    (uint32_t)(word * WORD + (size_t)__builtin_ctzll(bits));
            classifier->words[word].marked = 0;
        }
    }
    return count;
}

const uint32_t *cep_classify(struct cep_classifier *classifier, const struct rt_event *event,
                             size_t *count)
{
    hit(classifier, &classifier->buckets[0]);
    cep_probes_find(classifier->probes, event, hit_probe, classifier);
    *count = collect(classifier, routed(classifier, event->position.source));
    return classifier->found;
}

/* ---- one rule ---- */

struct search {
    const struct cep_classifier *classifier;
    uint32_t rule;
    bool found;
};

static void look_into(struct search *search, uint32_t number)
{
    const struct bucket *bucket = &search->classifier->buckets[number];

    for (uint32_t i = 0; i < bucket->start_count && !search->found; i++)
        search->found = bucket->starts[i].word == search->rule / WORD &&
                        (bucket->starts[i].bits >> search->rule % WORD & 1) != 0;
}

static void search_probe(void *context, uint32_t bucket)
{
    look_into(context, bucket + 1);
}

bool cep_classifier_starts(const struct cep_classifier *classifier, const struct rt_event *event,
                           uint32_t rule)
{
    struct search search = {.classifier = classifier, .rule = rule};

    look_into(&search, 0);
    if (!search.found)
        cep_probes_find(classifier->probes, event, search_probe, &search);
    return search.found;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job that survives, without memory: each allocation on the way fails, alone or with all that follow.  The job says so, leaves
 * nothing behind, and what is on disk is good to go on from: the output in the end is that of a job that nothing happened to.
 * And what the clock says after a restart, where it is the time of the events.
 */
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cep/engine.h"
#include "rules/plan.h"
#include "runtime/base/alloc.h"
#include "runtime/base/hash.h"
#include "runtime/checkpoint/checkpoints.h"
#include "runtime/checkpoint/disk.h"
#include "runtime/job/durable.h"
#include "runtime/job/job.h"
#include "tests/support/saved_world.h"

enum { LINES = 36, BATCH = 12, LINE_BYTES = 64, GROUPS = 16, WHY_BYTES = 1 << 16, SOURCES = 2 };

static const char rules_text[] = "version: 1\n"
                                 "rules:\n"
                                 "  - id: pair\n"
                                 "    key_by: k\n"
                                 "    pattern:\n"
                                 "      - { begin: a, where: x == 0 }\n"
                                 "      - { followedBy: b, where: x == 2 }\n"
                                 "    within: 40ms\n"
                                 "    on_timeout: { message: \"{{ timeout.step }}\" }\n"
                                 "  - id: count\n"
                                 "    key_by: k\n"
                                 "    window: { tumbling: 30ms }\n"
                                 "    aggregate: { n: count() }\n"
                                 "    alert: { message: \"{{ n }}\", dedup: { for: 100ms } }\n";

static const char *const source_names[SOURCES] = {"lines", "others"};

/* ---- lines that can be read again, a few at a time ---- */

struct lines {
    struct rt_source port; /* first */
    struct rt_job *stops;  /* asked to end when the batch that begins at `stops_at` is read */
    uint64_t at, stands, stops_at;
    uint32_t number; /* of the source */
    const char *
        reads; /* how many lines each read gives; behind them it asks the job to end; NULL: BATCH each */
    char text[BATCH][LINE_BYTES + RT_RECORD_PADDING];
};

static size_t write_line(uint64_t number, char *out)
{
    return (size_t)snprintf(out, LINE_BYTES, "{\"k\": \"k%u\", \"x\": %u}",
                            (unsigned)(number * 7 % 5), (unsigned)(number * 5 % 3));
}

static enum rt_status read_lines(struct rt_source *self, struct rt_batch *batch)
{
    struct lines *lines = (struct lines *)self;
    size_t wanted = BATCH;

    batch->count = 0;
    if (lines->reads != NULL) {
        wanted = *lines->reads == '\0' ? 0 : (size_t)(*lines->reads - '0');
        if (*lines->reads == '\0')
            rt_job_stop(lines->stops);
        else
            lines->reads++;
    } else if (lines->stops != NULL && lines->at == lines->stops_at)
        rt_job_stop(lines->stops);
    while (lines->at < LINES && batch->count < wanted) {
        char *text = lines->text[batch->count];
        size_t length = write_line(lines->at, text);

        batch->records[batch->count++] =
            (struct rt_record){.data = text,
                               .length = (uint32_t)length,
                               .bytes = length,
                               .position = {.source = lines->number, .offset = lines->at},
                               .has_stamp = true,
                               .stamp = {.ms = 1000 + 4 * (int64_t)lines->at}};
        lines->at++;
    }
    lines->stands = lines->at;
    return batch->count == 0 && lines->reads == NULL ? RT_END : RT_OK;
}

static void stand_behind(struct rt_source *self, const struct rt_batch *batch, size_t taken)
{
    struct lines *lines = (struct lines *)self;

    lines->stands = taken == batch->count ? lines->at : batch->records[taken].position.offset;
}

static size_t places_of_lines(const struct rt_source *self, struct rt_place *out, size_t max)
{
    const struct lines *lines = (const struct lines *)self;

    if (max > 0)
        out[0] = (struct rt_place){.next = lines->stands, .name = "lines"};
    return 1;
}

static enum rt_status seek_lines(struct rt_source *self, const struct rt_place *places,
                                 size_t count)
{
    assert_int_equal(count, 1);
    assert_string_equal(places[0].name, "lines");
    ((struct lines *)self)->at = ((struct lines *)self)->stands = places[0].next;
    return RT_OK;
}

static const char *no_error(const struct rt_source *self)
{
    (void)self;
    return "";
}

/* ---- what decides elsewhere: it remembers which checkpoint counts ---- */

struct judge {
    struct rt_decision port; /* first */
    uint64_t id;             /* 0: nothing was ever decided */
    char mark[RT_MARK_BYTES];
};

static enum rt_status judge_recover(struct rt_decision *self, const struct rt_decision_local *local,
                                    struct rt_decision_choice *out)
{
    const struct judge *judge = (const struct judge *)self;

    assert_true(local->newest >= judge->id);
    *out = (struct rt_decision_choice){
        .course = judge->id == 0 ? RT_DECISION_FRESH : RT_DECISION_RESTORE, .id = judge->id};
    memcpy(out->mark, judge->mark, sizeof(out->mark));
    return RT_OK;
}

static enum rt_status judge_cannot(struct rt_decision *self, struct rt_decision_choice *choice,
                                   enum rt_status status, const char *why)
{
    (void)self;
    (void)choice;
    fail_msg("a checkpoint that was decided for cannot be restored: %s, %s", rt_status_text(status),
             why);
    return RT_ERR_CORRUPT;
}

static enum rt_status judge_agrees(struct rt_decision *self)
{
    (void)self;
    return RT_OK;
}

static enum rt_status judge_notes(struct rt_decision *self, rt_time reached)
{
    (void)reached;
    return judge_agrees(self);
}

static bool judge_is_never_full(const struct rt_decision *self)
{
    (void)self;
    return false;
}

static enum rt_status judge_decide(struct rt_decision *self, uint64_t id, const char *mark)
{
    struct judge *judge = (struct judge *)self;

    assert_true(id > judge->id);
    judge->id = id;
    memcpy(judge->mark, mark, sizeof(judge->mark));
    return RT_OK;
}

static const char *judge_error(const struct rt_decision *self)
{
    (void)self;
    return "";
}

static const struct rt_decision judge_port = {.recover = judge_recover,
                                              .cannot = judge_cannot,
                                              .resumed = judge_agrees,
                                              .barrier = judge_notes,
                                              .full = judge_is_never_full,
                                              .decide = judge_decide,
                                              .error = judge_error};

/* ---- a clock ---- */

struct hours {
    int64_t times[4];           /* at each look; the last one stays */
    const char *reads[SOURCES]; /* lines */
};

struct watch {
    const struct hours *hours;
    size_t looks;
};

static rt_time look(void *context)
{
    struct watch *watch = context;
    const size_t last = COUNT_OF(watch->hours->times) - 1;

    return (rt_time){watch->hours->times[watch->looks < last ? watch->looks++ : last]};
}

/* ---- a folder, and one life of the job in it ---- */

struct place {
    char folder[64], state[RT_PATH_BYTES_MAX], output[RT_PATH_BYTES_MAX];
    struct rule_plan *plan;
    struct judge judge;
    bool is_judged;
    bool spills;               /* memory is full behind each batch: what may leave does */
    const struct hours *hours; /* two sources by the clock; NULL: one with stamps */
};

struct life {
    struct lines lines[SOURCES];
    struct rt_sink *sink;
    struct rt_codec *codec;
    struct cep_engine *engine;
    struct rt_checkpoints *checkpoints;
    struct rt_job *job;
    enum rt_recovery recovery;
    struct watch watch;
};

static enum rt_status emit_to_sink(void *context, const struct rt_output *output)
{
    return rt_sink_write(context, output->record);
}

/* What has allocation failure tests of its own is made before anything fails. */
static void begin_life(struct life *life, struct place *place, uint64_t stops_at)
{
    struct rt_checkpoints_options checkpoints = {.directory = place->state,
                                                 .identity = RT_TEXT("lines\n"),
                                                 .program = RT_TEXT("test"),
                                                 .groups = GROUPS,
                                                 .bases = place->spills ? RT_BASE_DATABASE
                                                                        : RT_BASE_PLAIN,
                                                 .deltas_max = 2};
    struct rt_file_sink_options sink = {.path = place->output, .go_on = true};
    struct cep_options limits = cep_options_standard();
    struct rt_buffer why;

    limits.source_names = source_names;
    limits.source_count = SOURCES;
    *life = (struct life){.watch.hours = place->hours};
    for (uint32_t i = 0; i < SOURCES; i++)
        life->lines[i] =
            (struct lines){.port = {.read = read_lines,
                                    .places = places_of_lines,
                                    .stand_behind = stand_behind,
                                    .seek = seek_lines,
                                    .error = no_error},
                           .number = i,
                           .reads = place->hours == NULL ? NULL : place->hours->reads[i],
                           .stops_at = stops_at};
    rt_buffer_init(&why, WHY_BYTES);
    assert_int_equal(rt_sink_file_open(&sink, &why, &life->sink), RT_OK);
    assert_int_equal(rt_checkpoints_open(&checkpoints, &why, &life->checkpoints), RT_OK);
    rt_buffer_done(&why);
    assert_int_equal(rt_codec_json_new(place->plan->fields, &life->codec), RT_OK);
    assert_int_equal(cep_engine_new(place->plan, &limits, emit_to_sink, life->sink, &life->engine),
                     RT_OK);
}

static enum rt_status make_job(struct life *life, struct place *place)
{
    const struct rt_durable_output outputs[] = {{life->sink, "out"}};
    const bool by_clock = place->hours != NULL;
    struct rt_job_source sources[SOURCES];
    const struct rt_durable_options durable = {
        .checkpoints = life->checkpoints,
        .decision = place->is_judged ? &place->judge.port : NULL,
        .groups = GROUPS,
        .memory_bytes = place->spills ? 1 : 0,
        .outputs = outputs,
        .output_count = 1,
        .source_names = source_names,
        .names = {.fields = place->plan->fields,
                  .slot_count = rt_fields_count(place->plan->fields)}};
    struct rt_sink *sinks[] = {life->sink};
    const struct rt_job_options options = {.sources = sources,
                                           .source_count = by_clock ? SOURCES : 1,
                                           .clock = by_clock ? look : NULL,
                                           .clock_context = &life->watch,
                                           .fields = place->plan->fields,
                                           .target = cep_engine_operator(life->engine),
                                           .outputs = sinks,
                                           .output_count = 1,
                                           .durable = &durable};
    struct rt_recovered recovered;
    enum rt_status status;

    for (size_t i = 0; i < SOURCES; i++)
        sources[i] = (struct rt_job_source){.source = &life->lines[i].port,
                                            .name = source_names[i],
                                            .codec = life->codec,
                                            .time_slot = RT_NO_SLOT,
                                            .live = by_clock,
                                            .by_clock = by_clock,
                                            .time.idle_timeout = {by_clock ? 1000 : 0}};
    status = rt_job_new(&options, &life->job);
    if (status != RT_OK)
        return status;
    for (size_t i = 0; i < SOURCES; i++)
        life->lines[i].stops = by_clock || life->lines[i].stops_at > 0 ? life->job : NULL;
    status = rt_job_recover(life->job, &recovered);
    life->recovery = recovered.kind;
    if (status == RT_OK && recovered.kind != RT_RECOVERY_FINISHED)
        status = rt_job_run(life->job);
    return status;
}

static void end_life(struct life *life)
{
    rt_job_free(life->job);
    cep_engine_free(life->engine);
    life->codec->free(life->codec);
    rt_checkpoints_close(life->checkpoints);
    rt_sink_free(life->sink);
}

static void empty(struct place *place)
{
    struct rt_buffer why;

    rt_buffer_init(&why, WHY_BYTES);
    assert_int_equal(rt_disk_remove(place->state, &why), RT_OK);
    rt_buffer_done(&why);
    unlink(place->output);
    place->judge = (struct judge){.port = judge_port};
}

static void read_output(const struct place *place, struct rt_buffer *out)
{
    FILE *file = fopen(place->output, "rb");
    char piece[4096];
    size_t got;

    rt_buffer_reset(out);
    assert_non_null(file);
    while ((got = fread(piece, 1, sizeof(piece), file)) > 0)
        rt_buffer_add(out, piece, got);
    fclose(file);
    assert_false(out->failed);
}

/* A life in which nothing fails, from what there is. */
static enum rt_recovery live(struct place *place, uint64_t stops_at)
{
    struct life life;

    begin_life(&life, place, stops_at);
    assert_int_equal(make_job(&life, place), RT_OK);
    end_life(&life);
    return life.recovery;
}

/* ---- without memory ---- */

struct course {
    bool is_judged; /* a decision elsewhere names the checkpoint */
    bool resumes;   /* what fails is the second life, which goes on from a checkpoint */
    bool for_good;  /* all further allocations fail too */
    bool spills;    /* place.spills */
};

/* One life in which the nth allocation fails; true if there are fewer. */
static bool live_without(struct place *place, const struct course *course, size_t nth)
{
    size_t before = rt_live_blocks();
    struct life life;
    enum rt_status status;
    bool fired;

    begin_life(&life, place, 0);
    if (course->for_good)
        rt_fault_arm_for_good(nth);
    else
        rt_fault_arm(nth);
    status = make_job(&life, place);
    fired = rt_fault_disarm();
    if (status != RT_OK && !(fired && status == RT_ERR_NOMEM))
        fail_msg("allocation %zu (judged %d, resumes %d, for good %d): %s, %s", nth,
                 course->is_judged, course->resumes, course->for_good, rt_status_text(status),
                 life.job == NULL ? "" : rt_job_error(life.job));
    end_life(&life);
    assert_int_equal(rt_live_blocks(), before);
    return !fired;
}

static void check_course(const struct course *course, struct place *place,
                         const struct rt_buffer *expected, struct rt_buffer *output)
{
    /* Each life with a database takes a while: one allocation in so many; the nightly run takes all. */
    const size_t stride = course->spills && getenv("EGRET_EVERY_ALLOCATION") == NULL ? 23 : 1;
    bool through = false;

    place->is_judged = course->is_judged;
    for (size_t nth = 1; !through; nth += stride) {
        empty(place);
        place->spills = course->spills;
        if (course->resumes)
            assert_int_equal(live(place, BATCH), RT_RECOVERY_FRESH);
        through = live_without(place, course, nth);
        assert_true(!through || nth > 50);
        place->spills = false;
        live(place, 0);
        read_output(place, output);
        if (!rt_text_equal(rt_buffer_view(expected), rt_buffer_view(output)))
            fail_msg("allocation %zu (judged %d, resumes %d, for good %d):\n%s", nth,
                     course->is_judged, course->resumes, course->for_good, output->data);
    }
}

/* Thousands of files are synced; whether that reaches a disk is not what is tested here. */
static void open_place(struct place *place, const char *rules)
{
    *place = (struct place){.is_judged = false};
    snprintf(place->folder, sizeof(place->folder), "%s/egret-durable-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->state, sizeof(place->state), "%s/state", place->folder);
    snprintf(place->output, sizeof(place->output), "%s/out", place->folder);
    place->plan = world_load(rules);
    empty(place);
}

static void close_place(struct place *place)
{
    empty(place);
    assert_int_equal(rmdir(place->folder), 0);
    rule_plan_unref(place->plan);
}

static void without_memory_a_job_stops_and_its_checkpoints_are_good(void **state)
{
    static const struct course courses[] = {
        {false, false, false, false}, {false, true, false, false}, {true, false, false, false},
        {true, true, false, false},   {false, true, true, false},  {true, false, true, false},
        {false, false, false, true},  {false, true, false, true},
    };
    struct rt_buffer expected, output;
    struct place place;

    (void)state;
    open_place(&place, rules_text);
    rt_buffer_init(&expected, WHY_BYTES);
    rt_buffer_init(&output, WHY_BYTES);
    assert_int_equal(live(&place, 0), RT_RECOVERY_FRESH);
    assert_int_equal(live(&place, 0), RT_RECOVERY_FINISHED);
    read_output(&place, &expected);
    assert_true(expected.length > 1000);
    for (size_t i = 0; i < COUNT_OF(courses); i++)
        check_course(&courses[i], &place, &expected, &output);
    close_place(&place);
    rt_buffer_done(&expected);
    rt_buffer_done(&output);
}

/* ---- the clock is the time of the events ---- */

/* What came out, in order, as "rule source offset;". */
static void read_story(const struct place *place, struct rt_buffer *story)
{
    struct rt_buffer output;

    rt_buffer_init(&output, WHY_BYTES);
    read_output(place, &output);
    for (const char *line = output.length == 0 ? "" : output.data; *line != '\0';
         line = strchr(line, '\n') + 1) {
        const char *message = strstr(line, "\"message\":\""), *at = strstr(line, "\"offset\":"),
                   *source = strstr(line, "\"source\":\"");

        assert_true(message != NULL && at != NULL && source != NULL);
        rt_buffer_printf(story, "%c%c%c;", message[11], source[10], at[9]);
    }
    rt_buffer_done(&output);
}

/*
 * The first life ends when the second line of one source waits for the other source.  In the second one the clock has been set
 * back, which lets no event go before those that came earlier, or it has gone on, which lets what is due come out.
 */
static void over_a_restart_the_clocks_time_goes_on_and_never_back(void **state)
{
    static const char rules[] = "version: 1\n"
                                "rules:\n"
                                "  - { id: seen, where: x >= 0, alert: { message: s } }\n"
                                "  - id: quiet\n"
                                "    key_by: k\n"
                                "    pattern: [{ begin: a }, { notFollowedBy: b, where: x == 9 }]\n"
                                "    within: 5s\n"
                                "    alert: { message: q }\n";
    static const struct hours first = {{900000, 900000, 900500, 900500}, {"110", "100"}};
    static const struct {
        struct hours hours;
        const char *story;
    } cases[] = {
        {{{500000, 500000, 901000, 901000}, {"101", "111"}}, "sl0;so0;sl1;sl2;so1;"},
        {{{906000, 906000, 907500, 907500}, {"00", "00"}}, "sl0;so0;sl1;ql0;qo0;ql1;"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rt_buffer story;
        struct place place;

        rt_buffer_init(&story, WHY_BYTES);
        open_place(&place, rules);
        place.hours = &first;
        assert_int_equal(live(&place, 0), RT_RECOVERY_FRESH);
        place.hours = &cases[i].hours;
        assert_int_equal(live(&place, 0), RT_RECOVERY_RESUMED);
        read_story(&place, &story);
        assert_string_equal(story.data, cases[i].story);
        close_place(&place);
        rt_buffer_done(&story);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_memory_a_job_stops_and_its_checkpoints_are_good),
        cmocka_unit_test(over_a_restart_the_clocks_time_goes_on_and_never_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

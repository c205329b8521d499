/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_fixture.h - a job between lines in memory and an operator that writes down what it gets.
 *
 *     line_source --batches of any size--> job --> scribe: "p1000#0a l7#1 w999 end"     rejects --> memory_sink
 */
#ifndef EGRET_TESTS_SUPPORT_JOB_FIXTURE_H
#define EGRET_TESTS_SUPPORT_JOB_FIXTURE_H

#include "runtime/job/job.h"

struct line_source {
    struct rt_source port; /* first */
    const char *text;      /* lines, padded */
    size_t length, at;
    size_t batch_size;
    size_t fail_after; /* batches; 0: never */
    size_t pause_at;   /* that batch is empty; 0: none is */
    size_t batches;
};

enum rt_status line_read(struct rt_source *self, struct rt_batch *batch);

struct memory_sink {
    struct rt_sink port; /* first */
    struct rt_buffer text;
    size_t flushes;
    size_t unflushed; /* records */
    enum rt_status answer;
};

struct scribe {
    struct rt_operator port; /* first */
    struct rt_buffer log;
    struct rt_job *stops;  /* asked to end at the first push */
    struct rt_sink *tells; /* gets a record of each watermark; NULL: nobody does */
    bool tells_time;       /* watermarks too */
    enum rt_status answer; /* to a push */
    size_t prepared;
    bool is_at_work; /* until it is settled */
};

struct fixture {
    struct rt_fields *fields;
    struct rt_codec *codec;
    struct line_source source;
    struct memory_sink output, dead_letter;
    struct scribe scribe;
    struct rt_sink *outputs[1];
    struct rt_job_source input;
    struct rt_job_options options;
    char *text;
};

enum rt_status scribe_push(struct rt_operator *self, const struct rt_event *event);

enum rt_status open_fixture(struct fixture *f, const char *lines);
void close_fixture(struct fixture *f);
const char *text_of(const struct rt_buffer *buffer);

/* Runs and checks that every record is accounted for and that nobody is at work any more; the caller frees the job. */
enum rt_status run(struct fixture *f, struct rt_job **out);

/* ---- a clock that says what it is given ---- */

struct given_clock {
    const int64_t *times;
    size_t next;
};

rt_time tell_time(void *context);

/* ---- two sources ---- */

enum { INPUTS = 2 };

struct inputs {
    struct line_source lines[INPUTS];
    struct rt_job_source sources[INPUTS];
    char *texts[INPUTS];
};

void open_inputs(struct inputs *inputs, struct fixture *f, const char *const texts[INPUTS],
                 size_t batch_size);
void close_inputs(struct inputs *inputs);

#endif

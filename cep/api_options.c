/* SPDX-License-Identifier: Apache-2.0 */
/* The public API: options by name. */
#include "cep/api.h"
#include "runtime/base/alloc.h"

static const char params_prefix[] = "params.";

struct egret_options api_options_standard(void)
{
    return (struct egret_options){.limits = cep_options_standard()};
}

enum egret_status egret_options_new(struct egret_options **out_options)
{
    struct egret_options *options = rt_alloc(sizeof(*options));

    if (options == NULL)
        return EGRET_ERR_NOMEM;
    *options = api_options_standard();
    *out_options = options;
    return EGRET_OK;
}

void egret_options_free(struct egret_options *options)
{
    if (options == NULL)
        return;
    while (options->params != NULL) {
        struct api_param *next = options->params->next;

        rt_free(options->params->path);
        rt_free(options->params->value);
        rt_free(options->params);
        options->params = next;
    }
    rt_free(options->time_field);
    rt_free(options->time_pattern);
    rt_free(options->watermark_when);
    rt_free(options);
}

static enum rt_status set_text(char **place, const char *value)
{
    char *copy = rt_alloc_text(value, strlen(value));

    if (copy == NULL)
        return RT_ERR_NOMEM;
    rt_free(*place);
    *place = copy;
    return RT_OK;
}

static enum rt_status set_out_of_orderness(struct egret_options *options, const char *value)
{
    int64_t ms;

    if (!rt_text_to_duration_ms(rt_text_of(value), &ms) || ms < 0 || ms > RT_DURATION_MAX.ms)
        return RT_ERR_DATA;
    options->out_of_orderness.ms = ms;
    return RT_OK;
}

static enum rt_status set_time_field(struct egret_options *options, const char *value)
{
    return set_text(&options->time_field, value);
}

/* The reader keeps its pattern's address: it is parsed from the copy that the options own. */
static enum rt_status set_time_format(struct egret_options *options, const char *value)
{
    struct rt_time_reader reader;
    enum rt_status status;

    if (!rt_time_reader_parse(value, &reader))
        return RT_ERR_DATA;
    status = set_text(&options->time_pattern, value);
    if (status == RT_OK && !rt_time_reader_parse(options->time_pattern, &options->time_reader))
        status = RT_ERR_DATA;
    return status;
}

static enum rt_status set_watermark_when(struct egret_options *options, const char *value)
{
    return set_text(&options->watermark_when, value);
}

static enum rt_status set_ties(struct egret_options *options, const char *value)
{
    bool by_rank = strcmp(value, "rank") == 0;

    if (!by_rank && strcmp(value, "arrival") != 0)
        return RT_ERR_DATA;
    options->ties_by_rank = by_rank;
    return RT_OK;
}

void egret_options_set_clock(struct egret_options *options, egret_clock_fn *clock, void *context)
{
    options->clock = clock;
    options->clock_context = context;
}

static enum rt_status add_param(struct egret_options *options, const char *name, const char *value)
{
    struct api_param *param = rt_alloc_zeroed(1, sizeof(*param));

    if (param == NULL)
        return RT_ERR_NOMEM;
    if (set_text(&param->path, name) != RT_OK || set_text(&param->value, value) != RT_OK) {
        rt_free(param->path);
        rt_free(param);
        return RT_ERR_NOMEM;
    }
    param->next = options->params;
    options->params = param;
    return RT_OK;
}

enum egret_status egret_options_set(struct egret_options *options, const char *name,
                                    const char *value)
{
    static const struct {
        const char *name;
        enum rt_status (*set)(struct egret_options *options, const char *value);
    } settings[] = {
        {"out_of_orderness", set_out_of_orderness},
        {"time.field", set_time_field},
        {"time.format", set_time_format},
        {"watermark.when", set_watermark_when},
        {"ties", set_ties},
    };

    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (strcmp(name, settings[i].name) == 0)
            return api_status(settings[i].set(options, value));
    }
    if (strncmp(name, params_prefix, sizeof(params_prefix) - 1) == 0)
        return api_status(add_param(options, name, value));
    return api_status(cep_options_set(&options->limits, rt_text_of(name), rt_text_of(value)));
}

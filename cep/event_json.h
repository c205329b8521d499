/* SPDX-License-Identifier: Apache-2.0 */
/* event_json.h - an event that a program built, as the JSON object that it would have come in as. */
#ifndef EGRET_CEP_EVENT_JSON_H
#define EGRET_CEP_EVENT_JSON_H

#include "runtime/base/text.h"
#include "runtime/event/event.h"

/* Appends its fields, nested as their paths say, in the order of the field tree. */
void cep_event_json(const struct rt_event *event, const struct rt_fields *fields,
                    struct rt_buffer *out);

#endif

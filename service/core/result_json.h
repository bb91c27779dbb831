/* result_json: a node's result as members of a JSON object: outcome, code, text, meaning, advice, channel,
 * channel_meaning. status.json and the tool's --json have them from here. */
#ifndef ETRN_RESULT_JSON_H
#define ETRN_RESULT_JSON_H

#include "json.h"
#include "outcome.h"

/* Writes them into the object that is open. */
void result_write(struct json *j, const struct result *result);

/* The same of an object that was read: the members as they are there, null for one that is missing. */
void result_copy(struct json *j, const struct json_value *object);

#endif

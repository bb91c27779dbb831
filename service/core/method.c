#include "method.h"

const struct method_row methods[METHOD_COUNT] = {
    [METHOD_ETRN] = {"etrn", 25, TRANSPORT_SMTP, BATCH_SETTING, .auth = true},
    [METHOD_FINGER] = {"finger", 79, TRANSPORT_TEXT, BATCH_ONE}, /* RFC 1288: one query per connection */
    [METHOD_PROGRAM] = {"program", 0, TRANSPORT_PROGRAM, BATCH_PROGRAM},
};

const char *method_word(uint32_t method)
{
    return methods[method].word;
}

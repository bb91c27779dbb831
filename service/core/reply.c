#include "reply.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

void reply_begin(struct reply *r)
{
    r->length = 0;
    r->total = 0;
    r->code = 0;
    r->complete = false;
    r->last = false;
    r->carriage_return = false;
    r->fault = REPLY_FINE;
    r->line[0] = '\0';
}

static enum reply_status broken(struct reply *r, enum reply_fault fault)
{
    r->fault = fault;
    r->line[r->length < REPLY_LINE_LIMIT ? r->length : REPLY_LINE_LIMIT - 1] = '\0';
    return REPLY_BROKEN;
}

/* Reply-line = code [ SP text ] CRLF, or code "-" [ text ] CRLF if more lines follow (RFC 5321 4.2). */
static enum reply_status line_complete(struct reply *r)
{
    const char *line = r->line;
    if (r->length < 3 || !is_digit(line[0]) || !is_digit(line[1]) || !is_digit(line[2]))
        return broken(r, REPLY_BAD_CODE);
    if (line[0] < '2' || line[0] > '5')
        return broken(r, REPLY_BAD_CODE);
    if (r->length > 3 && is_digit(line[3]))
        return broken(r, REPLY_BAD_CODE);
    if (r->length > 3 && line[3] != ' ' && line[3] != '-')
        return broken(r, REPLY_BAD_SEPARATOR);
    int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    if (r->code != 0 && r->code != code)
        return broken(r, REPLY_CODES_DIFFER);
    r->code = code;
    r->complete = true;
    r->last = r->length == 3 || line[3] == ' ';
    return r->last ? REPLY_LAST : REPLY_LINE;
}

static bool is_control(char c)
{
    unsigned char u = (unsigned char)c;
    return (u < 0x20 && c != '\t') || u == 0x7F;
}

/* Takes one octet. Returns REPLY_MORE until the line is complete. */
static enum reply_status take(struct reply *r, char c)
{
    if (++r->total > REPLY_LIMIT)
        return broken(r, REPLY_TOO_LONG);
    if (c == '\n') {
        if (!r->carriage_return)
            return broken(r, REPLY_BARE_LF);
        r->carriage_return = false;
        r->line[r->length] = '\0';
        return line_complete(r);
    }
    if (r->carriage_return)
        return broken(r, REPLY_BARE_CR);
    if (c == '\r') {
        r->carriage_return = true;
        return REPLY_MORE;
    }
    if (is_control(c))
        return broken(r, REPLY_CONTROL);
    if (r->length + 2 >= REPLY_LINE_LIMIT)
        return broken(r, REPLY_LINE_TOO_LONG);
    r->line[r->length++] = c;
    return REPLY_MORE;
}

enum reply_status reply_input(struct reply *r, const char *bytes, size_t count, size_t *used)
{
    *used = 0;
    if (r->fault != REPLY_FINE)
        return REPLY_BROKEN;
    if (r->last && count > 0) {
        reply_begin(r);
    } else if (r->complete && count > 0) {
        r->length = 0;
        r->complete = false;
    }
    while (*used < count) {
        enum reply_status status = take(r, bytes[(*used)++]);
        if (status != REPLY_MORE)
            return status;
    }
    return REPLY_MORE;
}

const char *reply_text(const struct reply *r)
{
    return r->length > 4 ? r->line + 4 : "";
}

const char *reply_fault_text(enum reply_fault fault)
{
    static const char *const texts[] = {
        [REPLY_FINE] = "no fault",
        [REPLY_BARE_LF] = "a line that ends with LF without CR",
        [REPLY_BARE_CR] = "a CR without LF within a line",
        [REPLY_CONTROL] = "a control character within a line",
        [REPLY_BAD_CODE] = "a line that does not begin with a three-digit reply code from 200 to 599",
        [REPLY_BAD_SEPARATOR] = "a reply code followed by neither a space nor a hyphen",
        [REPLY_CODES_DIFFER] = "different reply codes in one reply",
        [REPLY_LINE_TOO_LONG] = "a line longer than 4,096 bytes",
        [REPLY_TOO_LONG] = "a reply longer than 64 KB",
    };
    return texts[fault];
}

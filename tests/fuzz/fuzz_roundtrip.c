/* What is built from any parts: a registry file reads back as it was written; an access control list without the entry
 * that was added is the one before; a row of the protocol log has its fields, whatever is in them; the list of MX hosts
 * stays sorted; what was said can be shown. */
#include "acl.h"
#include "input.h"
#include "mx.h"
#include "outcome.h"
#include "protolog.h"
#include "regfile_write.h"
#include "same_regfile.h"

/* ---- registry files ---- */

/* A key, perhaps with values; false when its name cannot be written. */
static bool add_key(struct input *in, struct regfile *file)
{
    char *key = input_string(in, 60);
    bool deletes = input_below(in, 4) == 0;
    if (*key == '-' || !*key) { /* reads as another, or none */
        free(key);
        key = text_copy("HKEY_LOCAL_MACHINE\\X");
    }
    MUST(key && regfile_add(file, deletes ? REGFILE_DELETE_KEY : REGFILE_KEY, key, NULL, NULL));
    for (unsigned values = deletes ? 0 : input_below(in, 5); values > 0; values--) {
        char *name = input_string(in, 40);
        bool keeps = input_below(in, 4) > 0;
        struct value value = {.type = (enum value_type)input_below(in, 13)};
        value.data = input_octets(in, 300, &value.size);
        MUST(regfile_add(file, keeps ? REGFILE_VALUE : REGFILE_DELETE_VALUE, key, name, keeps ? &value : NULL));
        free(value.data);
        free(name);
    }
    bool fine = !strpbrk(key, "\r\n");
    free(key);
    return fine;
}

static void registry_file(struct input *in)
{
    struct regfile built = {0}, read;
    bool fine = true;
    size_t size;
    char problem[300];
    struct text t;
    for (unsigned keys = input_below(in, 6); keys > 0; keys--)
        fine = add_key(in, &built) && fine;
    void *written = regfile_write(&built, &size);
    MUST((written != NULL) == fine);
    if (written) {
        text_begin(&t, problem, sizeof problem);
        MUST(regfile_read(&read, written, size, &t));
        check_same(&built, &read);
        regfile_free(&read);
    }
    free(written);
    regfile_free(&built);
}

/* ---- access control lists ---- */

static void access_control_list(struct input *in)
{
    unsigned char sid[28] = {1, 5, 0, 0, 0, 0, 0, 5, 80}, ace[ACE_SIZE_LIMIT];
    for (size_t i = 9; i < sizeof sid; i++)
        sid[i] = (unsigned char)input_octet(in);
    MUST(acl_allow(0x20019, sid, sizeof sid, ace));
    size_t size;
    unsigned char *acl = input_octets(in, 2000, &size);
    unsigned char *more = malloc(ACL_SIZE_LIMIT), *less = malloc(ACL_SIZE_LIMIT);
    MUST(more && less);
    bool had = acl_has(acl, size, ace);
    size_t more_size = acl_add(acl, size, ace, more);
    if (more_size > 0) {
        unsigned char *exact = exactly(more, more_size);
        MUST(acl_has(exact, more_size, ace));
        size_t less_size = acl_remove(exact, more_size, ace, less);
        MUST(less_size > 0 && less_size < more_size);
        MUST(acl_has(less, less_size, ace) == had);
        MUST(had || memcmp(less + ACL_HEADER_SIZE, acl + ACL_HEADER_SIZE, less_size - ACL_HEADER_SIZE) == 0);
        free(exact);
    }
    free(acl);
    free(more);
    free(less);
}

/* ---- the protocol log ---- */

/* The fields of a row; 0 when a quotation mark has no end. */
static size_t count_fields(const char *row, size_t length)
{
    size_t fields = 1;
    bool quoted = false;
    for (size_t i = 0; i < length; i++) {
        MUST((unsigned char)row[i] >= ' ' && row[i] != 0x7F);
        if (row[i] == '"')
            quoted = !quoted;
        else if (row[i] == ',' && !quoted)
            fields++;
    }
    return quoted ? 0 : fields;
}

static void protocol_row(struct input *in)
{
    enum { FIELDS = 9 };
    static char line[PROTOLOG_ROW_LIMIT];
    struct text t;
    char *connector = input_string(in, 200), *local = input_string(in, 60), *remote = input_string(in, 60);
    char *context = input_string(in, 250);
    size_t length;
    char *data = input_octets(in, 3000, &length);
    struct protolog_row row = {.utc_ms = 1700000000000 + (int64_t)input_octet(in),
                               .connector = connector,
                               .session = input_octet(in),
                               .sequence = input_octet(in),
                               .local = local,
                               .remote = remote,
                               .event = PROTOLOG_RECEIVE,
                               .data = data,
                               .length = length,
                               .context = context};
    text_begin(&t, line, sizeof line);
    protolog_add(&t, &row);
    MUST(!t.cut && t.length > 2 && strcmp(line + t.length - 2, "\r\n") == 0);
    MUST(count_fields(line, t.length - 2) == FIELDS);
    free(connector);
    free(local);
    free(remote);
    free(context);
    free(data);
}

/* ---- what was said ---- */

static void check_shown(const char *shown, bool lines)
{
    size_t left = strlen(shown);
    for (size_t size; left > 0; shown += size, left -= size) {
        size = utf8_length(shown, left);
        MUST(size > 0 && ((unsigned char)*shown >= ' ' || (lines && *shown == '\n')) && *shown != 0x7F);
    }
}

static void what_was_said(struct input *in)
{
    struct result result;
    struct text t;
    char few[64], folded[50];
    char *said = input_string(in, 600);
    int code = (int)input_below(in, 6) * 100 + (int)input_below(in, 100);
    result_set(&result, (enum outcome)input_below(in, OUTCOME_COUNT), code, said);
    check_shown(result.text, false);
    MUST(*outcome_name(result.outcome) && outcome_meaning(&result) && outcome_advice(&result));
    size_t size;
    char *octets = input_octets(in, 4000, &size);
    text_begin(&t, few, sizeof few);
    text_add_lines(&t, octets, size);
    check_shown(few, true);
    text_begin(&t, folded, sizeof folded);
    text_add_folded(&t, octets, size);
    MUST(*folded != ' ' && !strpbrk(folded, "\r\n\t") && !strstr(folded, "  "));
    free(octets);
    free(said);
}

/* ---- MX hosts ---- */

static void mail_exchangers(struct input *in)
{
    static struct mx_list list;
    memset(&list, 0, sizeof list);
    while (in->left > 0) {
        uint16_t preference = (uint16_t)(input_octet(in) << 8 | input_octet(in));
        char *host = input_string(in, 255);
        mx_add(&list, preference, host);
        free(host);
        MUST(list.count <= MX_LIMIT);
        for (size_t i = 0; i < list.count; i++) {
            MUST(*list.items[i].host && (i == 0 || list.items[i - 1].preference <= list.items[i].preference));
            for (size_t k = 0; k < i; k++)
                MUST(!text_same(list.items[k].host, list.items[i].host));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const subjects[])(struct input * in) = {registry_file, access_control_list, protocol_row,
                                                          what_was_said, mail_exchangers};
    struct input in = {data, size};
    subjects[input_below(&in, sizeof subjects / sizeof subjects[0])](&in);
    return 0;
}

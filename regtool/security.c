#include "security.h"

#include "../service/core/stamp.h"

void security_explain(const struct stream_security *security, char lines[SECURITY_LINES][SECURITY_LINE_SIZE])
{
    const struct certificate_facts *facts = &security->certificate;
    struct text t[SECURITY_LINES];
    for (size_t i = 0; i < SECURITY_LINES; i++)
        text_begin(&t[i], lines[i], SECURITY_LINE_SIZE);
    text_add(&t[0], "encrypted with %s", security->tls);
    text_add(&t[1], "certificate of %s, issued by %s", facts->subject, facts->issuer);
    if (*facts->names)
        text_add(&t[2], "for %s", facts->names);
    text_add(&t[3], "valid from ");
    stamp_add_date(&t[3], facts->begins_utc_ms);
    text_add(&t[3], " to ");
    stamp_add_date(&t[3], facts->ends_utc_ms);
    if (facts->hashed) {
        text_add(&t[4], "SHA-256 ");
        fingerprint_show(facts->fingerprint, true, &t[4]);
    }
    text_add(&t[5], "%s%s", security->unverified ? "not verified: " : "verified",
             security->unverified ? security->unverified : "");
}

void security_write(struct json *j, const struct stream_security *security)
{
    const struct certificate_facts *facts = &security->certificate;
    char fingerprint[3 * FINGERPRINT_SIZE];
    struct text t;
    text_begin(&t, fingerprint, sizeof fingerprint);
    fingerprint_show(facts->fingerprint, true, &t);
    json_open_object(j, "tls");
    json_string(j, "protocol", security->tls);
    json_string(j, "subject", facts->subject);
    json_string(j, "issuer", facts->issuer);
    json_string(j, "names", facts->names);
    json_time(j, "valid_from", facts->begins_utc_ms);
    json_time(j, "valid_to", facts->ends_utc_ms);
    json_string(j, "sha256", facts->hashed ? fingerprint : NULL);
    json_bool(j, "verified", !security->unverified);
    json_string(j, "problem", security->unverified);
    json_close(j, '}');
}

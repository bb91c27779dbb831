/* tls_script: service/win/tls.c between this program and a Schannel that does what a script says, since no version of
 * Wine sends new keys in the middle of a session. It prints what happens: the events, and what is to be sent. A record
 * of the host is a header and one octet; what is enciphered stands between < and >. */
#define SECURITY_WIN32
#define SCHANNEL_USE_BLACKLISTS
#include "../../service/win/win.h"

#include <winternl.h>

#include <schannel.h>
#include <security.h>
#include <stdio.h>

/* ---- Schannel ---- */

static struct script {
    SECURITY_STATUS shake, decrypt, encrypt;
    const char *token; /* of the handshake, for the host */
    DWORD protocol;
} script;

enum { RECORD = 6, HEADER = 1, TRAILER = 1 };

static SECURITY_STATUS acquire_credentials(CredHandle *handle)
{
    handle->dwLower = 1;
    return SEC_E_OK;
}

static SECURITY_STATUS initialize_context(CtxtHandle *context, const SecBufferDesc *in, SecBufferDesc *out)
{
    context->dwLower = context->dwUpper = 1;
    out->pBuffers[0].pvBuffer = (char *)script.token;
    out->pBuffers[0].cbBuffer = script.token ? (ULONG)strlen(script.token) : 0;
    if (in && script.shake != SEC_E_INCOMPLETE_MESSAGE && in->pBuffers[0].cbBuffer > RECORD) {
        in->pBuffers[1].BufferType = SECBUFFER_EXTRA;
        in->pBuffers[1].cbBuffer = in->pBuffers[0].cbBuffer - RECORD;
    }
    return script.shake;
}

static SECURITY_STATUS query(ULONG what, void *answer)
{
    if (what == SECPKG_ATTR_STREAM_SIZES)
        *(SecPkgContext_StreamSizes *)answer =
            (SecPkgContext_StreamSizes){.cbHeader = HEADER, .cbTrailer = TRAILER, .cbMaximumMessage = 1000};
    else if (what == SECPKG_ATTR_CONNECTION_INFO)
        ((SecPkgContext_ConnectionInfo *)answer)->dwProtocol = script.protocol;
    return SEC_E_OK;
}

/* The record that asks for a handshake is left to that. */
static SECURITY_STATUS decrypt(const SecBufferDesc *record)
{
    SecBuffer *buffers = record->pBuffers;
    if (script.decrypt == SEC_E_OK) {
        buffers[1] = (SecBuffer){1, SECBUFFER_DATA, (char *)buffers[0].pvBuffer + RECORD - 1};
        buffers[0].BufferType = SECBUFFER_STREAM_HEADER;
    } else if (script.decrypt == SEC_I_RENEGOTIATE) {
        buffers[1] = (SecBuffer){buffers[0].cbBuffer, SECBUFFER_EXTRA, buffers[0].pvBuffer};
        buffers[0].BufferType = SECBUFFER_STREAM_HEADER;
    }
    return script.decrypt;
}

static SECURITY_STATUS encrypt(const SecBufferDesc *record)
{
    *(char *)record->pBuffers[0].pvBuffer = '<';
    *(char *)record->pBuffers[2].pvBuffer = '>';
    return script.encrypt;
}

#define AcquireCredentialsHandleW(principal, package, use, id, data, get, argument, handle, expiry)                    \
    ((void)(package), acquire_credentials(handle))
#define InitializeSecurityContextW(credential, context, host, flags, r1, r2, in, r3, new_context, out, a, expiry)      \
    ((void)(context), (void)(a), initialize_context(new_context, in, out))
#define QueryContextAttributesW(context, what, answer) ((void)(context), query(what, answer))
#define DecryptMessage(context, record, number, quality) decrypt(record)
#define EncryptMessage(context, quality, record, number) encrypt(record)
#define ApplyControlToken(context, token) ((void)(token), SEC_E_OK)
#define DeleteSecurityContext(context) ((void)0)
#define FreeContextBuffer(buffer) ((void)0)
#include "../../service/win/tls.c"

/* ---- the script ---- */

static struct tls *tls;

static void show_events(const char *when)
{
    static const char *const names[] = {"wants more", "established", "plain", "ended", "broken"};
    enum tls_event event;
    printf("%s:", when);
    do {
        const char *plain;
        size_t count;
        event = tls_next(tls, &plain, &count);
        printf(" %s%s%.*s", names[event], count > 0 ? " " : "", (int)count, plain);
    } while (event == TLS_ESTABLISHED || event == TLS_PLAIN);
    printf("%s%s", event == TLS_BROKEN ? ": " : "", tls_fault(tls));
    puts("");
}

static void show_output(void)
{
    size_t count;
    const char *octets = tls_output(tls, &count);
    printf("to be sent: %.*s\n", (int)count, octets ? octets : "");
    tls_sent(tls);
}

static void receive(const char *when, char type)
{
    char record[RECORD] = {type, 3, 3, 0, 1, 'x'};
    if (!tls_input(tls, record, sizeof record))
        puts("refused");
    show_events(when);
}

static void say(const char *command)
{
    printf("a command: %s\n", tls_encrypt(tls, command, strlen(command)) ? "taken" : "refused");
}

static bool begin(DWORD protocol)
{
    DWORD error;
    script = (struct script){.shake = SEC_I_CONTINUE_NEEDED, .token = "[hello]", .protocol = protocol};
    tls = tls_begin("mail.isp.example", &error);
    if (!tls)
        return false;
    show_output();
    script.shake = SEC_E_OK;
    script.token = "[finished]";
    receive("handshake", 22);
    show_output();
    script.token = NULL;
    return true;
}

static void new_keys(void)
{
    script.decrypt = SEC_I_RENEGOTIATE;
    script.shake = SEC_E_INCOMPLETE_MESSAGE;
    receive("new keys begin", APPLICATION);
}

int wmain(void)
{
    if (!begin(SP_PROT_TLS1_3_CLIENT))
        return 1;
    say("EHLO");
    show_output();
    new_keys();
    say("ETRN");
    show_output();
    script.shake = SEC_E_OK;
    script.token = "[keys]";
    script.decrypt = SEC_E_OK;
    receive("new keys are there", APPLICATION);
    show_output();
    say("QUIT");
    show_output();

    new_keys();
    say("ETRN");
    script.shake = SEC_E_OK;
    script.encrypt = SEC_E_INSUFFICIENT_MEMORY;
    receive("enciphering fails", APPLICATION);
    tls_free(tls);

    if (!begin(SP_PROT_TLS1_2_CLIENT))
        return 1;
    new_keys();
    say("ETRN");
    tls_free(tls);
    return 0;
}

#include "dns.h"

#include <stdlib.h>
#include <windns.h>

enum { STACK_SIZE = 256 << 10 };

enum { ASKING, ANSWERED, ABANDONED };

/* DnsQuery blocks, and DnsQueryEx is not available everywhere, so each question has a thread. On a timeout the thread
 * is abandoned and frees the question when it ends, perhaps after the loop has gone. */
struct question {
    struct loop *loop;
    struct loop_op answered;
    struct loop_timer limit;
    dns_mx_done *done;
    void *owner;
    wchar_t *domain;
    LONG state;
    DWORD error;
    struct mx_list list;
};

static void question_free(struct question *q)
{
    free(q->domain);
    free(q);
}

static void take_records(struct question *q, const DNS_RECORDW *records)
{
    for (const DNS_RECORDW *r = records; r; r = r->pNext) {
        if (r->wType != DNS_TYPE_MX || r->Flags.S.Section != DnsSectionAnswer)
            continue;
        char *host = narrow_copy(r->Data.MX.pNameExchange);
        if (host)
            mx_add(&q->list, r->Data.MX.wPreference, host);
        else
            q->error = ERROR_NOT_ENOUGH_MEMORY;
        free(host);
    }
}

/* A name that does not exist is not an error here: the following look-up of its address reports it. */
static DWORD WINAPI ask(void *context)
{
    struct question *q = context;
    DNS_RECORD *records = NULL;
    DNS_STATUS status = DnsQuery_W(q->domain, DNS_TYPE_MX, DNS_QUERY_TREAT_AS_FQDN, NULL, &records, NULL);
    if (status == 0)
        take_records(q, records);
    else if (status != DNS_INFO_NO_RECORDS && status != DNS_ERROR_RCODE_NAME_ERROR)
        q->error = (DWORD)status;
    DnsRecordListFree(records, DnsFreeRecordList);
    if (InterlockedCompareExchange(&q->state, ANSWERED, ASKING) == ASKING)
        loop_post(q->loop, &q->answered, 0);
    else
        question_free(q);
    return 0;
}

static void answered(struct loop_op *op, DWORD error, DWORD bytes)
{
    struct question *q = CONTAINING_RECORD(op, struct question, answered);
    (void)error, (void)bytes;
    loop_set_timer(q->loop, &q->limit, INT64_MAX);
    q->done(q->owner, q->error, &q->list);
    question_free(q);
}

/* The thread frees the question from here on, so what is still needed is read first. An answer that has just arrived
 * counts. */
static void timed_out(struct loop_timer *timer)
{
    struct question *q = CONTAINING_RECORD(timer, struct question, limit);
    static const struct mx_list none;
    dns_mx_done *done = q->done;
    void *owner = q->owner;
    if (InterlockedCompareExchange(&q->state, ABANDONED, ASKING) == ASKING)
        done(owner, ERROR_TIMEOUT, &none);
}

DWORD dns_mx_begin(struct loop *loop, const char *domain, int64_t limit_ms, dns_mx_done *done, void *owner)
{
    struct question *q = calloc(1, sizeof *q);
    if (!q)
        return ERROR_NOT_ENOUGH_MEMORY;
    q->loop = loop;
    q->answered.done = answered;
    q->limit.fire = timed_out;
    q->done = done;
    q->owner = owner;
    q->domain = wide_copy(domain);
    HANDLE thread = q->domain ? CreateThread(NULL, STACK_SIZE, ask, q, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL) : NULL;
    if (!thread) {
        question_free(q);
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    CloseHandle(thread);
    loop_set_timer(loop, &q->limit, loop_now_ms() + limit_ms);
    return 0;
}

#include "network.h"

#include <iphlpapi.h>
#include <netioapi.h>
#include <stdlib.h>

enum {
    SETTLE_MS = 5000, /* quiet time after a burst of changes */
    TABLE_TRIES = 5   /* the table may grow between the call for its size and the call for its contents */
};

/* ---- listening ports ---- */

/* The owner of a listener is not needed, and finding it is slow, but Windows has no other table of listeners for IPv6.
 */
static void *listener_table(ULONG family)
{
    TCP_TABLE_CLASS kind = family == AF_INET ? TCP_TABLE_BASIC_LISTENER : TCP_TABLE_OWNER_PID_LISTENER;
    DWORD size = 4096;
    void *table = NULL;
    for (int i = 0; i < TABLE_TRIES; i++) {
        void *grown = realloc(table, size);
        if (!grown)
            break;
        table = grown;
        DWORD error = GetExtendedTcpTable(table, &size, FALSE, family, kind, 0);
        if (!error)
            return table;
        if (error != ERROR_INSUFFICIENT_BUFFER)
            break;
    }
    free(table);
    return NULL;
}

/* Tables have the port in the lower 16 bits, in network byte order. */
static uint16_t port_of(DWORD port)
{
    return ntohs((u_short)(port & 0xFFFF));
}

bool network_port_listens(uint16_t port)
{
    MIB_TCPTABLE *v4 = listener_table(AF_INET);
    MIB_TCP6TABLE_OWNER_PID *v6 = listener_table(AF_INET6);
    bool found = !v4 || !v6; /* without both tables the port may be open */
    for (DWORD i = 0; v4 && i < v4->dwNumEntries; i++)
        found = found || port_of(v4->table[i].dwLocalPort) == port;
    for (DWORD i = 0; v6 && i < v6->dwNumEntries; i++)
        found = found || port_of(v6->table[i].dwLocalPort) == port;
    free(v4);
    free(v6);
    return found;
}

/* ---- addresses ---- */

struct network_addresses {
    size_t count;
    SOCKADDR_INET items[];
};

/* Whether the address is neither loopback nor link-local, so that other networks may be reached from it. */
static bool usable(const MIB_UNICASTIPADDRESS_ROW *row)
{
    const SOCKADDR_INET *address = &row->Address;
    if (row->DadState != IpDadStatePreferred)
        return false;
    if (address->si_family == AF_INET) {
        const UCHAR *octets = (const UCHAR *)&address->Ipv4.sin_addr;
        return octets[0] != 127 && octets[0] != 0 && !(octets[0] == 169 && octets[1] == 254);
    }
    const UCHAR *octets = (const UCHAR *)&address->Ipv6.sin6_addr;
    bool loopback_or_any =
        IN6_IS_ADDR_LOOPBACK(&address->Ipv6.sin6_addr) || IN6_IS_ADDR_UNSPECIFIED(&address->Ipv6.sin6_addr);
    return address->si_family == AF_INET6 && !loopback_or_any && !(octets[0] == 0xFE && (octets[1] & 0xC0) == 0x80);
}

/* Returns NULL if the system reports no addresses or memory is short. */
static struct network_addresses *usable_addresses(void)
{
    MIB_UNICASTIPADDRESS_TABLE *table;
    if (GetUnicastIpAddressTable(AF_UNSPEC, &table) != NO_ERROR)
        return NULL;
    struct network_addresses *a = calloc(1, sizeof *a + table->NumEntries * sizeof a->items[0]);
    for (ULONG i = 0; a && i < table->NumEntries; i++)
        if (usable(&table->Table[i]))
            a->items[a->count++] = table->Table[i].Address;
    FreeMibTable(table);
    return a;
}

static bool same(const SOCKADDR_INET *a, const SOCKADDR_INET *b)
{
    if (a->si_family != b->si_family)
        return false;
    return a->si_family == AF_INET ? a->Ipv4.sin_addr.S_un.S_addr == b->Ipv4.sin_addr.S_un.S_addr
                                   : memcmp(&a->Ipv6.sin6_addr, &b->Ipv6.sin6_addr, sizeof a->Ipv6.sin6_addr) == 0;
}

bool network_address_is_ours(const struct sockaddr *address)
{
    MIB_UNICASTIPADDRESS_TABLE *table;
    SOCKADDR_INET wanted = {.si_family = address->sa_family};
    bool found = false;
    if (wanted.si_family == AF_INET)
        memcpy(&wanted.Ipv4, address, sizeof wanted.Ipv4);
    else if (wanted.si_family == AF_INET6)
        memcpy(&wanted.Ipv6, address, sizeof wanted.Ipv6);
    else
        return false;
    if (GetUnicastIpAddressTable(AF_UNSPEC, &table) != NO_ERROR)
        return false;
    for (ULONG i = 0; i < table->NumEntries && !found; i++)
        found = same(&table->Table[i].Address, &wanted);
    FreeMibTable(table);
    return found;
}

static bool holds(const struct network_addresses *addresses, const SOCKADDR_INET *wanted)
{
    for (size_t i = 0; i < addresses->count; i++)
        if (same(&addresses->items[i], wanted))
            return true;
    return false;
}

static void settled(struct loop_timer *timer)
{
    struct network_news *news = CONTAINING_RECORD(timer, struct network_news, settle);
    struct network_addresses *fresh = usable_addresses();
    bool grew = false;
    if (!fresh)
        return;
    for (size_t i = 0; news->known && i < fresh->count; i++)
        grew = grew || !holds(news->known, &fresh->items[i]);
    free(news->known);
    news->known = fresh;
    if (grew)
        news->grew(news->owner);
}

static void changed(struct loop_op *op, DWORD error, DWORD bytes)
{
    struct network_news *news = CONTAINING_RECORD(op, struct network_news, changed);
    (void)error, (void)bytes;
    loop_set_timer(news->loop, &news->settle, loop_now_ms() + SETTLE_MS);
}

/* Called in a thread of the system. */
static void WINAPI address_changed(void *context, MIB_UNICASTIPADDRESS_ROW *row, MIB_NOTIFICATION_TYPE type)
{
    struct network_news *news = context;
    (void)row, (void)type;
    loop_post(news->loop, &news->changed, 0);
}

DWORD network_watch_open(struct network_news *news, struct loop *loop, void (*grew)(void *owner), void *owner)
{
    *news = (struct network_news){.loop = loop, .grew = grew, .owner = owner};
    news->changed.done = changed;
    news->settle.fire = settled;
    news->known = usable_addresses();
    return NotifyUnicastIpAddressChange(AF_UNSPEC, address_changed, news, FALSE, &news->subscription);
}

void network_watch_close(struct network_news *news)
{
    if (!news->loop)
        return;
    if (news->subscription)
        CancelMibChangeNotify2(news->subscription);
    loop_set_timer(news->loop, &news->settle, INT64_MAX);
    free(news->known);
    *news = (struct network_news){0};
}

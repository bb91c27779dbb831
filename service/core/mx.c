#include "mx.h"

#include "text.h"

#include <string.h>

static bool comes_before(const struct mx *a, const struct mx *b)
{
    if (a->preference != b->preference)
        return a->preference < b->preference;
    return text_compare(a->host, b->host) < 0;
}

static size_t place_of(const struct mx_list *list, const struct mx *mx)
{
    size_t place = 0;
    while (place < list->count && !comes_before(mx, &list->items[place]))
        place++;
    return place;
}

static size_t find(const struct mx_list *list, const char *host)
{
    size_t place = 0;
    while (place < list->count && !text_same(list->items[place].host, host))
        place++;
    return place;
}

static void take_out(struct mx_list *list, size_t place)
{
    list->count--;
    memmove(&list->items[place], &list->items[place + 1], (list->count - place) * sizeof list->items[0]);
}

static void put_in(struct mx_list *list, size_t place, const struct mx *mx)
{
    if (list->count == MX_LIMIT)
        list->count--; /* drops the least preferred */
    memmove(&list->items[place + 1], &list->items[place], (list->count - place) * sizeof list->items[0]);
    list->items[place] = *mx;
    list->count++;
}

void mx_add(struct mx_list *list, uint16_t preference, const char *host)
{
    struct mx mx = {.preference = preference};
    size_t length = strlen(host);
    if (length > 0 && host[length - 1] == '.')
        length--;
    if (length == 0) {
        list->null = true;
        return;
    }
    if (length >= sizeof mx.host)
        return;
    memcpy(mx.host, host, length);
    size_t known = find(list, mx.host);
    if (known < list->count && list->items[known].preference <= preference)
        return;
    if (known < list->count)
        take_out(list, known);
    size_t place = place_of(list, &mx);
    if (place < MX_LIMIT)
        put_in(list, place, &mx);
}

bool mx_is_null(const struct mx_list *list)
{
    return list->null && list->count == 0;
}

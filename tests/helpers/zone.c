/* zone: compares every third hour of two years, and prints how often the service's reckoning of local time and Windows'
 * own agreed, or the first that differs; and how long the service's way takes for one instant. */

#include "../../service/win/localtime.h"
#include "../../service/win/win.h"
#include <stdio.h>
#include <stdlib.h>

static int64_t windows(int64_t utc_ms)
{
    FILETIME f, g;
    SYSTEMTIME utc, local;
    TIME_ZONE_INFORMATION zone;
    uint64_t ticks = (uint64_t)(utc_ms + 11644473600000) * 10000;
    f.dwLowDateTime = (DWORD)ticks, f.dwHighDateTime = (DWORD)(ticks >> 32);
    FileTimeToSystemTime(&f, &utc);
    GetTimeZoneInformationForYear(utc.wYear, NULL, &zone);
    SystemTimeToTzSpecificLocalTime(&zone, &utc, &local);
    SystemTimeToFileTime(&local, &g);
    return (int64_t)((uint64_t)g.dwHighDateTime << 32 | g.dwLowDateTime) / 10000 - (int64_t)(ticks / 10000);
}

static int64_t now_us(void)
{
    LARGE_INTEGER count, per_second;
    QueryPerformanceCounter(&count), QueryPerformanceFrequency(&per_second);
    return count.QuadPart * 1000000 / per_second.QuadPart;
}

int wmain(void)
{
    long agreed = 0, offsets[2] = {0};
    for (int64_t at = 1704067200000; at < 1704067200000 + 2 * 366 * INT64_C(86400000); at += 10800000, agreed++)
        if (local_zone.offset_ms(NULL, at) != windows(at)) {
            printf("differs at %lld: %lld, not %lld\n", at, local_zone.offset_ms(NULL, at), windows(at));
            return 1;
        }
    for (int i = 0; i < 2; i++)
        offsets[i] = (long)local_zone.offset_ms(NULL, i ? 1720000000000 : 1705000000000) / 60000;
    int64_t began = now_us();
    for (int i = 0; i < 1000000; i++)
        local_zone.offset_ms(NULL, 1705000000000 + i * INT64_C(1000000));
    printf("agreed %ld, %ld and %ld, %lld ns, changed %d %d\n", agreed, offsets[0], offsets[1],
           (now_us() - began) / 1000, local_zone_follow(), local_zone_follow());
    return 0;
}

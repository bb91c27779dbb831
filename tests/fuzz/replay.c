/* replay: runs a target once on each file named, where there is no libFuzzer. */
#include "fuzz.h"

static void run(const char *name)
{
    FILE *file = fopen(name, "rb");
    char *data = NULL;
    size_t size = 0;
    MUST(file);
    for (size_t got = 1; got > 0; size += got) {
        data = realloc(data, size + 65536);
        MUST(data);
        got = fread(data + size, 1, 65536, file);
    }
    fclose(file);
    uint8_t *exact = exactly(data, size);
    free(data);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

int main(int count, char **names)
{
    MUST(count > 1);
    for (int i = 1; i < count; i++)
        run(names[i]);
    printf("%s: %d files\n", names[0], count - 1);
    return 0;
}

/* Any file: refused with its line, or read; then what is written of it reads back the same. */
#include "regfile_write.h"

#include "fuzz.h"
#include "same_regfile.h"

static bool read_file(struct regfile *file, const void *data, size_t size)
{
    char problem[200];
    struct text t;
    void *exact = exactly(data, size);
    text_begin(&t, problem, sizeof problem);
    bool fine = regfile_read(file, exact, size, &t);
    free(exact);
    MUST(fine ? !*problem : strncmp(problem, "line ", 5) == 0 && !t.cut);
    MUST(fine || (file->count == 0 && !file->entries));
    return fine;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct regfile first, second;
    size_t written_size;
    if (read_file(&first, data, size)) {
        void *written = regfile_write(&first, &written_size);
        MUST(written);
        MUST(read_file(&second, written, written_size));
        check_same(&first, &second);
        regfile_free(&second);
        free(written);
    }
    regfile_free(&first);
    return 0;
}

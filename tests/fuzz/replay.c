/* SPDX-License-Identifier: Apache-2.0 */
/* replay.c - runs a fuzz target over the files of a folder: the saved corpus as an ordinary test. */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/alloc.h"
#include "tests/fuzz/target.h"

enum { PATH_BYTES = 4096 };

static bool replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    long size;

    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0) {
        if (file != NULL)
            fclose(file);
        return false;
    }
    rewind(file);

    uint8_t *bytes = rt_alloc((size_t)size);
    bool read = bytes != NULL && fread(bytes, 1, (size_t)size, file) == (size_t)size;

    fclose(file);
    if (read)
        LLVMFuzzerTestOneInput(bytes, (size_t)size);
    rt_free(bytes);
    return read;
}

int main(int argc, char **argv)
{
    char path[PATH_BYTES];
    size_t count = 0;

    if (argc != 2) {
        fputs("usage: fuzz_X CORPUS-FOLDER\n", stderr);
        return 2;
    }

    DIR *folder = opendir(argv[1]);

    if (folder == NULL) {
        fprintf(stderr, "no corpus in %s\n", argv[1]);
        return 1;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
        if (!replay_file(path)) {
            fprintf(stderr, "cannot read %s\n", path);
            closedir(folder);
            return 1;
        }
        count++;
    }
    closedir(folder);
    printf("%zu inputs replayed\n", count);
    return count == 0 ? 1 : 0;
}

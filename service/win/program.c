#include "program.h"

#include <shellapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

enum {
    COMMAND_LIMIT = 32767,
    READ_SIZE = 1024,
    DRAIN_MS = 250 /* time to read the last output if a process left behind keeps the output open */
};

struct program {
    struct loop *loop;
    program_done *done;
    void *owner;
    HANDLE job, process, pipe;
    HANDLE wait; /* for the end of the process, in a thread of the system */
    struct loop_op read, exit;
    struct loop_timer limit; /* limits the run, then the reading of the remaining output */
    bool reading, exited, cancelled;
    DWORD error, exit_code;
    size_t length;
    char output[PROGRAM_OUTPUT_LIMIT];
    char in[READ_SIZE];
};

/* ---- the command line ---- */

struct command {
    wchar_t *line;
    size_t length;
    bool full;
};

static void add_char(struct command *c, wchar_t letter)
{
    if (c->length + 1 < COMMAND_LIMIT)
        c->line[c->length++] = letter;
    else
        c->full = true;
    c->line[c->length] = L'\0';
}

/* Quotes an argument as CommandLineToArgvW expects it: backslashes before a quotation mark are doubled. */
static void add_argument(struct command *c, const wchar_t *argument)
{
    size_t backslashes = 0;
    if (c->length > 0)
        add_char(c, L' ');
    add_char(c, L'"');
    for (; *argument; argument++) {
        if (*argument == L'"')
            for (size_t i = 0; i <= backslashes; i++)
                add_char(c, L'\\');
        backslashes = *argument == L'\\' ? backslashes + 1 : 0;
        add_char(c, *argument);
    }
    while (backslashes-- > 0)
        add_char(c, L'\\');
    add_char(c, L'"');
}

/* Compares the name as Windows opens it: "x.bat. " is x.bat, and so is "x.bat::$DATA", its main stream. */
static bool is_batch(const wchar_t *exe)
{
    const wchar_t *name = exe + wcslen(exe);
    while (name > exe && name[-1] != L'\\' && name[-1] != L'/')
        name--;
    size_t length = wcscspn(name, L":");
    while (length > 0 && (name[length - 1] == L'.' || name[length - 1] == L' '))
        length--;
    const wchar_t *type = length >= 4 ? name + length - 4 : L"";
    return _wcsnicmp(type, L".bat", 4) == 0 || _wcsnicmp(type, L".cmd", 4) == 0;
}

/* Batch files are run by cmd.exe, which parses the line by its own rules: quotation marks do not protect these
 * characters. */
static bool safe_for(const wchar_t *exe, const wchar_t *argument)
{
    return !is_batch(exe) || !wcspbrk(argument, L"\"%!^&|<>");
}

static bool is_full_path(const wchar_t *path)
{
    bool drive = iswalpha(path[0]) && path[1] == L':' && path[2] == L'\\';
    return drive || (path[0] == L'\\' && path[1] == L'\\');
}

/* Builds the command line with its placeholders replaced, and sets `exe` to the full path of the program. Both are from
 * malloc. */
static DWORD build_command(const char *value, const char *node, const char *host, struct command *c, wchar_t **exe)
{
    wchar_t *raw = wide_copy(value);
    wchar_t *wide_node = wide_copy(node);
    wchar_t *wide_host = wide_copy(host);
    wchar_t *expanded = malloc(COMMAND_LIMIT * sizeof *expanded);
    wchar_t **words = NULL;
    int count = 0;
    c->line = calloc(COMMAND_LIMIT, sizeof *c->line);
    *exe = NULL;
    DWORD error = raw && wide_node && wide_host && expanded && c->line ? 0 : ERROR_NOT_ENOUGH_MEMORY;
    if (!error) {
        DWORD length = ExpandEnvironmentStringsW(raw, expanded, COMMAND_LIMIT);
        bool fits = length > 0 && length <= COMMAND_LIMIT;
        words = fits && *expanded ? CommandLineToArgvW(expanded, &count)
                                  : NULL; /* for "" it returns the path of this program */
        error = words ? 0 : ERROR_BAD_PATHNAME;
    }
    if (!error && !is_full_path(words[0])) /* environment variables may have expanded to anything */
        error = ERROR_BAD_PATHNAME;
    if (!error && !(*exe = _wcsdup(words[0])))
        error = ERROR_NOT_ENOUGH_MEMORY;
    for (int i = 0; !error && i < count; i++) {
        const wchar_t *word = wcscmp(words[i], L"{node}") == 0   ? wide_node
                              : wcscmp(words[i], L"{host}") == 0 ? wide_host
                                                                 : words[i];
        if (word != words[i] && !safe_for(*exe, word))
            error = ERROR_BAD_ARGUMENTS;
        add_argument(c, word);
    }
    if (!error && c->full)
        error = ERROR_FILENAME_EXCED_RANGE;
    LocalFree(words);
    free(raw);
    free(wide_node);
    free(wide_host);
    free(expanded);
    return error;
}

/* ---- run and end ---- */

static void program_free(struct program *p)
{
    loop_set_timer(p->loop, &p->limit, INT64_MAX);
    if (p->wait)
        UnregisterWaitEx(p->wait, NULL);
    if (p->job)
        CloseHandle(p->job); /* terminates the processes still in it */
    if (p->process)
        CloseHandle(p->process);
    if (p->pipe)
        CloseHandle(p->pipe);
    free(p);
}

/* Reports the result once both the process and its output have ended. */
static void finish_if_over(struct program *p)
{
    if (p->reading || !p->exited)
        return;
    struct program_result result = {
        .error = p->error, .exit_code = p->exit_code, .output = p->output, .length = p->length};
    if (!p->cancelled)
        p->done(p->owner, &result);
    program_free(p);
}

static void keep(struct program *p, const char *octets, size_t count)
{
    if (p->length + count > PROGRAM_OUTPUT_LIMIT) {
        size_t surplus = p->length + count - PROGRAM_OUTPUT_LIMIT;
        memmove(p->output, p->output + surplus, p->length - surplus);
        p->length -= surplus;
    }
    memcpy(p->output + p->length, octets, count);
    p->length += count;
}

static void have_read(struct loop_op *op, DWORD error, DWORD bytes);

static void read_more(struct program *p)
{
    p->read = (struct loop_op){.done = have_read};
    p->reading = ReadFile(p->pipe, p->in, READ_SIZE, NULL, &p->read.overlapped) || GetLastError() == ERROR_IO_PENDING;
}

static void have_read(struct loop_op *op, DWORD error, DWORD bytes)
{
    struct program *p = CONTAINING_RECORD(op, struct program, read);
    p->reading = false;
    if (!error) {
        keep(p, p->in, bytes);
        read_more(p);
    }
    finish_if_over(p);
}

/* Terminates the processes in the job, and cancels the read, even if others hold the pipe open. */
static void cut_off(struct program *p)
{
    TerminateJobObject(p->job, 1);
    if (p->reading)
        CancelIoEx(p->pipe, &p->read.overlapped);
}

static void drained(struct loop_timer *timer)
{
    cut_off(CONTAINING_RECORD(timer, struct program, limit));
}

static void too_long(struct loop_timer *timer)
{
    struct program *p = CONTAINING_RECORD(timer, struct program, limit);
    p->error = WAIT_TIMEOUT;
    TerminateJobObject(p->job, 1);
}

/* The process has ended, which decides the result. Processes that it started and left behind are terminated with the
 * job. */
static void process_exited(struct loop_op *op, DWORD error, DWORD bytes)
{
    struct program *p = CONTAINING_RECORD(op, struct program, exit);
    (void)error, (void)bytes;
    p->exited = true;
    if (!GetExitCodeProcess(p->process, &p->exit_code) && !p->error)
        p->error = GetLastError();
    p->limit.fire = drained;
    loop_set_timer(p->loop, &p->limit, p->reading ? loop_now_ms() + DRAIN_MS : INT64_MAX);
    finish_if_over(p);
}

/* Called in a thread of the system. */
static void CALLBACK wait_ended(void *context, BOOLEAN timed_out)
{
    struct program *p = context;
    (void)timed_out;
    loop_post(p->loop, &p->exit, 0);
}

void program_cancel(struct program *p)
{
    if (!p)
        return;
    p->cancelled = true;
    TerminateJobObject(p->job, 1);
}

/* Creates a pipe with an overlapped read end, which CreatePipe cannot do. */
static DWORD make_pipe(struct program *p, HANDLE *theirs)
{
    static LONG serial;
    wchar_t name[80];
    SECURITY_ATTRIBUTES inherit = {.nLength = sizeof inherit, .bInheritHandle = TRUE};
    _snwprintf(name, ARRAYSIZE(name), L"\\\\.\\pipe\\EtrnSvc-%lu-%ld", GetCurrentProcessId(),
               InterlockedIncrement(&serial));
    HANDLE ours = CreateNamedPipeW(name, PIPE_ACCESS_INBOUND | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
                                   PIPE_TYPE_BYTE | PIPE_REJECT_REMOTE_CLIENTS, 1, 0, READ_SIZE, 0, NULL);
    if (ours == INVALID_HANDLE_VALUE)
        return GetLastError();
    p->pipe = ours;
    *theirs = CreateFileW(name, GENERIC_WRITE, 0, &inherit, OPEN_EXISTING, 0, NULL);
    return *theirs == INVALID_HANDLE_VALUE ? GetLastError() : loop_attach(p->loop, ours);
}

static DWORD make_job(struct program *p)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    p->job = CreateJobObjectW(NULL, NULL);
    if (!p->job || !SetInformationJobObject(p->job, JobObjectExtendedLimitInformation, &limits, sizeof limits))
        return GetLastError();
    return 0;
}

/* Assigns the process, which is still suspended, to its job and starts reading, so that nothing is missed. */
static DWORD assign_and_listen(struct program *p)
{
    ULONG flags = WT_EXECUTEONLYONCE | WT_EXECUTEINWAITTHREAD;
    if (!AssignProcessToJobObject(p->job, p->process))
        return GetLastError();
    p->exit.done = process_exited;
    if (!RegisterWaitForSingleObject(&p->wait, p->process, wait_ended, p, INFINITE, flags))
        return GetLastError();
    read_more(p);
    return 0;
}

static DWORD start(struct program *p, const wchar_t *exe, wchar_t *line)
{
    HANDLE theirs = INVALID_HANDLE_VALUE;
    PROCESS_INFORMATION process;
    DWORD error = make_job(p);
    if (!error)
        error = make_pipe(p, &theirs);
    STARTUPINFOW startup = {.cb = sizeof startup, .dwFlags = STARTF_USESTDHANDLES};
    startup.hStdOutput = startup.hStdError = theirs;
    DWORD flags = CREATE_SUSPENDED | CREATE_NO_WINDOW;
    if (!error && !CreateProcessW(exe, line, NULL, NULL, TRUE, flags, NULL, NULL, &startup, &process))
        error = GetLastError();
    if (theirs != INVALID_HANDLE_VALUE)
        CloseHandle(theirs);
    if (error)
        return error;
    p->process = process.hProcess;
    error = assign_and_listen(p);
    if (error)
        TerminateProcess(process.hProcess, 1);
    else
        ResumeThread(process.hThread);
    CloseHandle(process.hThread);
    return error;
}

struct program *program_begin(struct loop *loop, const char *value, const char *node, const char *host,
                              int64_t limit_ms, program_done *done, void *owner, DWORD *error)
{
    struct command command = {0};
    wchar_t *exe = NULL;
    struct program *p = calloc(1, sizeof *p);
    *error = p ? build_command(value, node, host, &command, &exe) : ERROR_NOT_ENOUGH_MEMORY;
    if (p) {
        *p = (struct program){.loop = loop, .done = done, .owner = owner};
        p->limit.fire = too_long;
    }
    if (!*error)
        *error = start(p, exe, command.line);
    free(command.line);
    free(exe);
    if (*error) {
        if (p)
            program_free(p);
        return NULL;
    }
    loop_set_timer(loop, &p->limit, loop_now_ms() + limit_ms);
    return p;
}

/*
 * unwind - see unwind.h. elfutils does the unwinding over a copy: nothing here depends on the dead process, and a page that
 * lies leads to a wrong list of names and to nothing else. Refuses to open what is no regular file, and to ask a network for
 * debugging data, as dwfl_standard_find_debuginfo would: by build id in /usr/lib/debug is what remains.
 */
#include "unwind.h"

#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

enum { UNWIND_TID = 1, UNWIND_WORD = 8 };

#if defined(__x86_64__)
enum { UNWIND_REGISTERS = 17, UNWIND_SP = 7, UNWIND_PC = 16 };
#elif defined(__aarch64__)
enum { UNWIND_REGISTERS = 32, UNWIND_SP = 31, UNWIND_PC = 32 };
#else
enum { UNWIND_REGISTERS = 0, UNWIND_SP = 0, UNWIND_PC = 0 };
#endif

struct unwind {
    const struct unwind_input *in;
    uint64_t registers[CRASH_REGISTERS];
    Dwfl *dwfl;
    char (*frames)[UNWIND_FRAME_MAX];
    size_t n;
};

static int find_elf(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base, char **ret_file, Elf **ret_elf)
{
    struct stat st;
    (void)module;
    (void)data;
    (void)base;
    (void)ret_elf;
    if (name[0] != '/')
        return -1;
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        base_close_fd(&fd);
        return -1;
    }
    *ret_file = strdup(name);
    return fd;
}

static bool read_word(const struct unwind *u, uint64_t at, uint64_t *ret)
{
    const struct crash_head *head = &u->in->head;
    if (at < head->stack_at || head->stack_bytes < UNWIND_WORD || at - head->stack_at > head->stack_bytes - UNWIND_WORD)
        return false;
    memcpy(ret, u->in->stack + (at - head->stack_at), UNWIND_WORD);
    return true;
}

static bool on_memory(Dwfl *dwfl, Dwarf_Addr at, Dwarf_Word *ret, void *arg)
{
    uint64_t word;
    (void)dwfl;
    if (!read_word(arg, at, &word))
        return false;
    *ret = word;
    return true;
}

static pid_t on_next_thread(Dwfl *dwfl, void *arg, void **thread)
{
    (void)dwfl;
    if (*thread != NULL)
        return 0;
    *thread = arg;
    return UNWIND_TID;
}

static bool on_registers(Dwfl_Thread *thread, void *arg)
{
    const struct unwind *u = arg;
    Dwarf_Word words[CRASH_REGISTERS];
    for (size_t i = 0; i < CRASH_REGISTERS; i++)
        words[i] = u->registers[i];
    if (UNWIND_PC >= UNWIND_REGISTERS)
        dwfl_thread_state_register_pc(thread, words[UNWIND_PC]);
    return dwfl_thread_state_registers(thread, 0, UNWIND_REGISTERS, words);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static void name_frame(struct unwind *u, Dwarf_Addr pc, bool exact)
{
    char *out = u->frames[u->n++], place[64] = "";
    Dwarf_Addr in_call = exact ? pc : pc - 1; /* a return address belongs to the call before it */
    Dwfl_Module *module = dwfl_addrmodule(u->dwfl, in_call);
    Dwarf_Addr start = 0;
    const char *file = module != NULL ? dwfl_module_info(module, NULL, &start, NULL, NULL, NULL, NULL, NULL) : NULL;
    if (file == NULL) {
        (void)snprintf(out, UNWIND_FRAME_MAX, "?? 0x%llx, where no program is mapped", (unsigned long long)pc);
        return;
    }
    GElf_Off offset = 0;
    GElf_Sym symbol;
    const char *name = dwfl_module_addrinfo(module, in_call, &offset, &symbol, NULL, NULL, NULL);
    if (name == NULL) {
        (void)snprintf(out, UNWIND_FRAME_MAX, "?? %.80s+0x%llx", last_part(file), (unsigned long long)(pc - start));
        return;
    }
    int line = 0;
    Dwfl_Line *where = dwfl_module_getsrc(module, in_call);
    const char *source = where != NULL ? dwfl_lineinfo(where, NULL, &line, NULL, NULL, NULL) : NULL;
    if (source != NULL)
        (void)snprintf(place, sizeof place, " (%.48s:%d)", last_part(source), line);
    (void)snprintf(out, UNWIND_FRAME_MAX, "%.80s+0x%llx%s %.40s", name, (unsigned long long)(offset + (exact ? 0 : 1)), place,
                   last_part(file));
}

static int on_frame(Dwfl_Frame *frame, void *arg)
{
    struct unwind *u = arg;
    Dwarf_Addr pc;
    bool exact = false;
    if (u->n == UNWIND_FRAMES_MAX || !dwfl_frame_pc(frame, &pc, &exact))
        return DWARF_CB_ABORT;
    name_frame(u, pc, exact || u->n == 0);
    return DWARF_CB_OK;
}

/* A call to nowhere left its way back on top of the stack: that is where it was called. */
static void step_out_of_nowhere(struct unwind *u)
{
    uint64_t back;
    if (dwfl_addrmodule(u->dwfl, u->registers[UNWIND_PC]) != NULL || !read_word(u, u->registers[UNWIND_SP], &back) ||
        dwfl_addrmodule(u->dwfl, back) == NULL)
        return;
    name_frame(u, u->registers[UNWIND_PC], true);
    u->registers[UNWIND_PC] = back;
    u->registers[UNWIND_SP] += UNWIND_WORD;
}

static int report_modules(struct unwind *u, struct err *e)
{
    FILE *maps = fmemopen((void *)(uintptr_t)u->in->maps, MAX_OF(u->in->head.maps_bytes, 1u), "re");
    if (maps == NULL)
        return err_set_errno(e, errno, "the list of mapped files cannot be read");
    dwfl_report_begin(u->dwfl);
    int rc = dwfl_linux_proc_maps_report(u->dwfl, maps);
    (void)fclose(maps);
    if (rc != 0 || dwfl_report_end(u->dwfl, NULL, NULL) != 0)
        return err_set(e, ERR_PROTOCOL, "the list of mapped files is no list of mapped files");
    return 0;
}

size_t unwind_frames(const struct unwind_input *in, char ret_frames[UNWIND_FRAMES_MAX][UNWIND_FRAME_MAX], struct err *e)
{
    static const Dwfl_Callbacks files = {.find_elf = find_elf, .find_debuginfo = dwfl_build_id_find_debuginfo};
    static const Dwfl_Thread_Callbacks threads = {
        .next_thread = on_next_thread, .memory_read = on_memory, .set_initial_registers = on_registers};
    struct unwind u = {.in = in, .frames = ret_frames, .dwfl = dwfl_begin(&files)};
    memcpy(u.registers, in->head.registers, sizeof u.registers);
    if (u.dwfl == NULL) {
        (void)err_set(e, ERR_OUT_OF_MEMORY, "libdwfl cannot be started: %s", dwfl_errmsg(-1));
        return 0;
    }
    if (report_modules(&u, e) == 0) {
        step_out_of_nowhere(&u);
        size_t outside = u.n;
        if (dwfl_attach_state(u.dwfl, NULL, UNWIND_TID, &threads, &u))
            (void)dwfl_getthread_frames(u.dwfl, UNWIND_TID, on_frame, &u);
        if (u.n == outside) /* not even the first frame's rules were found: its own place is known all the same */
            name_frame(&u, u.registers[UNWIND_PC], true);
    }
    dwfl_end(u.dwfl);
    return u.n;
}

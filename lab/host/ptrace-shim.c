/*
 * Preloaded into linux.uml so that it runs on processors with large extended states (AMX).
 *
 * UML 6.1 restores a guest's registers with PTRACE_SETREGSET and a 2,696-byte NT_X86_XSTATE
 * buffer. A host kernel refuses any size but its own full one (up to 11 KB with AMX) with EFAULT,
 * and the guest panics at start. This wrapper completes such a request: it reads the full state,
 * lays UML's bytes over the front, marks the components beyond those bytes as unused and writes
 * the full size back. Every other request passes through; on older processors nothing changes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
  REQ_PEEKTEXT = 1, REQ_PEEKDATA = 2, REQ_PEEKUSER = 3,
  REQ_GETREGSET = 0x4204, REQ_SETREGSET = 0x4205,
  NOTE_X86_XSTATE = 0x202,
  XSTATE_BV_OFFSET = 512,  /* the header's bitmap of components in use, 64 bits */
  UML_BYTES = 2696,        /* what UML 6.1 passes: ends before PKRU (component 9) */
  FULL_BYTES_MAX = 16384
};

static long raw_ptrace(long request, pid_t pid, void *addr, void *data)
{
  return syscall(SYS_ptrace, request, (long)pid, addr, data);
}

/* Writes the caller's shorter xstate as a full one. Returns 0, or -1 with errno. */
static long set_xstate(pid_t pid, const struct iovec *caller)
{
  static __thread unsigned char full[FULL_BYTES_MAX] __attribute__((aligned(64)));
  struct iovec state = { full, sizeof full };
  uint64_t used;

  if (raw_ptrace(REQ_GETREGSET, pid, (void *)(long)NOTE_X86_XSTATE, &state) < 0)
    return -1;
  if (caller->iov_len >= state.iov_len || caller->iov_len < XSTATE_BV_OFFSET + sizeof used)
    return raw_ptrace(REQ_SETREGSET, pid, (void *)(long)NOTE_X86_XSTATE, (void *)caller);
  memcpy(full, caller->iov_base, caller->iov_len);
  memcpy(&used, full + XSTATE_BV_OFFSET, sizeof used);
  used &= ~((UINT64_C(1) << 17) | (UINT64_C(1) << 18));
  if (caller->iov_len <= UML_BYTES)
    used &= ~(UINT64_C(1) << 9);
  memcpy(full + XSTATE_BV_OFFSET, &used, sizeof used);
  return raw_ptrace(REQ_SETREGSET, pid, (void *)(long)NOTE_X86_XSTATE, &state);
}

/* The C library's ptrace: PEEK results are the return value, not written through a pointer. */
long ptrace(int request, ...)
{
  va_list args;
  pid_t pid;
  void *addr, *data;
  long word, result;

  va_start(args, request);
  pid = va_arg(args, pid_t);
  addr = va_arg(args, void *);
  data = va_arg(args, void *);
  va_end(args);

  if (request >= REQ_PEEKTEXT && request <= REQ_PEEKUSER) {
    result = raw_ptrace(request, pid, addr, &word);
    if (result < 0)
      return -1;
    errno = 0;
    return word;
  }
  if (request == REQ_SETREGSET && (long)addr == NOTE_X86_XSTATE && data != NULL)
    return set_xstate(pid, data);
  return raw_ptrace(request, pid, addr, data);
}

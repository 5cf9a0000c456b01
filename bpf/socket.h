/* SPDX-License-Identifier: Apache-2.0 */
/* struct tm_sock: both ends of a socket, from the kernel's struct sock. */

#define TM_AF_UNIX 1
#define TM_AF_INET 2
#define TM_AF_INET6 10
#define TM_TCP_LISTEN 10

struct tm_sockaddr {		/* as user space gives it: the start of sockaddr_in, sockaddr_in6 or sockaddr_un */
	u16 family;
	u16 port;
	u32 v4;			/* sockaddr_in6: flow information */
	u8 v6[16];
};

static __always_inline u16 swap16(u16 v)
{
	return (v >> 8) | (v << 8);
}

static __always_inline void inet_ends(struct tm_sock *s, u64 sk)
{
	s->lport = GET(sk, sock, num);
	s->rport = swap16(GET(sk, sock, dport));
	if (s->family == TM_AF_INET) {
		*(u32 *)s->laddr = GET(sk, sock, rcv_saddr);
		*(u32 *)s->raddr = GET(sk, sock, daddr);
		return;
	}
#if H_sock_v6_daddr
	*(u64 *)s->laddr = GET_AT(sk, sock, v6_rcv_saddr, 0, 64);
	*(u64 *)(s->laddr + 8) = GET_AT(sk, sock, v6_rcv_saddr, 8, 64);
	*(u64 *)s->raddr = GET_AT(sk, sock, v6_daddr, 0, 64);
	*(u64 *)(s->raddr + 8) = GET_AT(sk, sock, v6_daddr, 8, 64);
#endif
}

/* Append the name of a bound unix socket. Returns 0 when it has none. */
static __always_inline int unix_name(struct tm_work *w, u64 sk)
{
	u64 address = GET(CAST(unix_sock, sk), unix_sock, addr);
	u64 length;

	if (!address)
		return 0;
	length = GET(CAST(unix_address, address), unix_address, len) - 2;
	OPAQUE(length);
	if (length > 108)
		return 0;
	bpf_probe_read_kernel(w->sun_path, length, (void *)(address + O_unix_address_name + 2));
	w->sock_len = sizeof(w->sock) + length;
	return 1;
}

/* The name of the end that does not belong to the caller, else its own. */
static __always_inline void unix_ends(struct tm_work *w, u64 sk)
{
#if H_unix_sock_addr
	u64 peer = GET(CAST(unix_sock, sk), unix_sock, peer);

	if (peer && unix_name(w, peer))
		return;
	unix_name(w, sk);
#endif
}

/* What the caller asked for, where the kernel's socket does not say it (a connect that failed, an unconnected sendto). */
static __always_inline void given_address(struct tm_work *w, u64 at, u64 length)
{
	struct tm_sock *s = &w->sock;
	struct tm_sockaddr given = {};

	if (!at || length < 2 || bpf_probe_read_user(&given, 8, (void *)at))
		return;
	if (given.family == TM_AF_UNIX) {
		u64 n = length - 2;

		OPAQUE(n);
		if (n > 108 || bpf_probe_read_user(w->sun_path, n, (void *)(at + 2)))
			return;
		w->sock_len = sizeof(w->sock) + n;
	} else if (given.family == TM_AF_INET) {
		*(u32 *)s->raddr = given.v4;
		s->rport = swap16(given.port);
	} else if (given.family == TM_AF_INET6) {
		bpf_probe_read_user(s->raddr, 16, (void *)(at + 8));
		s->rport = swap16(given.port);
	} else {
		return;
	}
	s->family = given.family;
	s->flags |= TM_SOCK_GIVEN;
}

/* Describe the socket behind an open file, with the address of argument "addr" (15: none) as a fallback. */
static __always_inline void describe_socket(struct tm_work *w, u64 file)
{
	struct tm_sock *s = &w->sock;
	u64 call = w->call;
	u32 addr = TM_CALL_ADDR(call);
	u64 socket = CAST(socket, GET(file, file, private_data));
	u64 number = GET(socket, socket, sk);
	u64 sk = CAST(sock, number);

	__builtin_memset(s, 0, sizeof(*s));
	w->sock_len = sizeof(*s);
	w->job[TM_SLOT_SOCK] = TM_JOB_SOCK;
	if (!number)
		return;
	s->family = GET(sk, sock, family);
	s->state = GET(sk, sock, state);
	s->type = GET(sk, sock, sk_type);
	s->protocol = GET(sk, sock, sk_protocol);
	if (s->state == TM_TCP_LISTEN)
		s->flags |= TM_SOCK_LISTEN;
	if (call & TM_CALL_ACCEPT && w->head.ret >= 0)
		s->flags |= TM_SOCK_SERVER;
	if (call & TM_CALL_CONNECT)
		s->flags |= TM_SOCK_CLIENT;
	if (s->family == TM_AF_INET || s->family == TM_AF_INET6)
		inet_ends(s, sk);
	else if (s->family == TM_AF_UNIX)
		unix_ends(w, number);
	if (addr < 6 && !s->rport && w->sock_len == sizeof(*s))
		given_address(w, w->arg[addr & 7], w->arg[(addr + 1) & 7]);
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Doubly linked lists with the kernel's verbs, for user space: list_head is a
 * ring with its head in it, hlist a NULL-ended chain whose head is one pointer.
 * Deleted entries are poisoned so that a second use faults.
 */
#ifndef ANM_LIST_USER_H
#define ANM_LIST_USER_H

#include <stdbool.h>
#include <stddef.h>

#ifndef container_of
#define container_of(p, type, member) \
	((type *)((char *)(1 ? (p) : &((type *)0)->member) - offsetof(type, member)))
#endif

#define LIST_POISON1 ((void *)0x100)
#define LIST_POISON2 ((void *)0x122)

struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD_INIT(name)     \
	{                        \
		&(name), &(name) \
	}
#define LIST_HEAD(name) struct list_head name = LIST_HEAD_INIT(name)

static inline void INIT_LIST_HEAD(struct list_head *h)
{
	h->next = h;
	h->prev = h;
}

static inline bool list_empty(const struct list_head *h)
{
	return h->next == h;
}

static inline bool list_is_singular(const struct list_head *h)
{
	return h->next != h && h->next == h->prev;
}

static inline bool list_is_last(const struct list_head *e, const struct list_head *h)
{
	return e->next == h;
}

static inline bool list_is_head(const struct list_head *e, const struct list_head *h)
{
	return e == h;
}

static inline void list_join_(struct list_head *a, struct list_head *b)
{
	a->next = b;
	b->prev = a;
}

static inline void list_add(struct list_head *e, struct list_head *h)
{
	struct list_head *first = h->next;

	list_join_(h, e);
	list_join_(e, first);
}

static inline void list_add_tail(struct list_head *e, struct list_head *h)
{
	list_add(e, h->prev);
}

static inline void list_del(struct list_head *e)
{
	list_join_(e->prev, e->next);
	e->next = LIST_POISON1;
	e->prev = LIST_POISON2;
}

static inline void list_del_init(struct list_head *e)
{
	list_join_(e->prev, e->next);
	INIT_LIST_HEAD(e);
}

static inline void list_move(struct list_head *e, struct list_head *h)
{
	list_join_(e->prev, e->next);
	list_add(e, h);
}

static inline void list_move_tail(struct list_head *e, struct list_head *h)
{
	list_join_(e->prev, e->next);
	list_add_tail(e, h);
}

/* The entries of @from go in right after @at, in their order; @from is left empty. */
static inline void list_splice_init(struct list_head *from, struct list_head *at)
{
	struct list_head *next = at->next;

	if (list_empty(from))
		return;
	list_join_(at, from->next);
	list_join_(from->prev, next);
	INIT_LIST_HEAD(from);
}

static inline void list_splice_tail_init(struct list_head *from, struct list_head *h)
{
	list_splice_init(from, h->prev);
}

#define list_entry(p, type, member)	  container_of(p, type, member)
#define list_first_entry(h, type, member) list_entry((h)->next, type, member)
#define list_last_entry(h, type, member)  list_entry((h)->prev, type, member)
#define list_first_entry_or_null(h, type, member) \
	(list_empty(h) ? NULL : list_first_entry(h, type, member))
#define list_next_entry(e, member) list_entry((e)->member.next, __typeof__(*(e)), member)
#define list_prev_entry(e, member) list_entry((e)->member.prev, __typeof__(*(e)), member)

#define list_for_each(p, h)	    for (p = (h)->next; p != (h); p = p->next)
#define list_for_each_safe(p, n, h) for (p = (h)->next, n = p->next; p != (h); p = n, n = p->next)
#define list_for_each_entry(e, h, member)                                        \
	for (e = list_first_entry(h, __typeof__(*e), member); &e->member != (h); \
	     e = list_next_entry(e, member))
#define list_for_each_entry_reverse(e, h, member)                               \
	for (e = list_last_entry(h, __typeof__(*e), member); &e->member != (h); \
	     e = list_prev_entry(e, member))
#define list_for_each_entry_safe(e, n, h, member)                                             \
	for (e = list_first_entry(h, __typeof__(*e), member), n = list_next_entry(e, member); \
	     &e->member != (h); e = n, n = list_next_entry(n, member))

struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

#define HLIST_HEAD_INIT       \
	{                     \
		.first = NULL \
	}
#define HLIST_HEAD(name)	     struct hlist_head name = HLIST_HEAD_INIT
#define INIT_HLIST_HEAD(h)	     ((h)->first = NULL)
#define hlist_entry(p, type, member) container_of(p, type, member)

static inline void INIT_HLIST_NODE(struct hlist_node *n)
{
	n->next = NULL;
	n->pprev = NULL;
}

static inline bool hlist_unhashed(const struct hlist_node *n)
{
	return !n->pprev;
}

static inline bool hlist_empty(const struct hlist_head *h)
{
	return !h->first;
}

static inline void hlist_add_head(struct hlist_node *n, struct hlist_head *h)
{
	n->next = h->first;
	n->pprev = &h->first;
	if (n->next)
		n->next->pprev = &n->next;
	h->first = n;
}

static inline void hlist_unlink_(struct hlist_node *n)
{
	*n->pprev = n->next;
	if (n->next)
		n->next->pprev = n->pprev;
}

static inline void hlist_del(struct hlist_node *n)
{
	hlist_unlink_(n);
	n->next = LIST_POISON1;
	n->pprev = LIST_POISON2;
}

static inline void hlist_del_init(struct hlist_node *n)
{
	if (hlist_unhashed(n))
		return;
	hlist_unlink_(n);
	INIT_HLIST_NODE(n);
}

#define hlist_entry_safe(p, type, member)                    \
	({                                                   \
		__typeof__(p) hp_ = (p);                     \
		hp_ ? hlist_entry(hp_, type, member) : NULL; \
	})
#define hlist_for_each_entry(e, h, member)                                  \
	for (e = hlist_entry_safe((h)->first, __typeof__(*(e)), member); e; \
	     e = hlist_entry_safe((e)->member.next, __typeof__(*(e)), member))
#define hlist_for_each_entry_safe(e, n, h, member)                       \
	for (e = hlist_entry_safe((h)->first, __typeof__(*(e)), member); \
	     e && ({                                                     \
		     n = e->member.next;                                 \
		     1;                                                  \
	     });                                                         \
	     e = hlist_entry_safe(n, __typeof__(*(e)), member))

#endif

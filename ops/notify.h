/* The service manager's readiness protocol, sd_notify(3), without its library. */
#ifndef OPS_NOTIFY_H
#define OPS_NOTIFY_H

/*
 * Sends lines such as "READY=1" to the socket that $NOTIFY_SOCKET names: a path, or with @ an
 * abstract name. Nothing happens without one; a manager that does not listen is no fault of ours,
 * and one that does not read costs 100 ms.
 */
void notify_send(const char *lines);

/* RELOADING=1 with the time that the manager wants along with it. */
void notify_reloading(void);

#endif

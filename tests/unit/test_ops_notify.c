#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "ops/notify.h"

/* A service manager's end of the protocol, at a path or, with an @, an abstract name. */
static int manager(const char *name)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    size_t size = strlen(name);
    memcpy(at.sun_path, name, size);
    if (name[0] == '@')
        at.sun_path[0] = '\0';
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, length), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    return fd;
}

static const char *heard(int fd)
{
    static char text[200];
    ssize_t size = recv(fd, text, sizeof text - 1, 0);
    text[size > 0 ? size : 0] = '\0';
    return text;
}

static void the_manager_at_a_path_hears_the_lines(void **state)
{
    (void)state;
    char folder[] = "/tmp/notify-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/socket", folder);
    int fd = manager(path);
    notify_send("READY=1");
    assert_string_equal(heard(fd), "READY=1");
    close(fd);
    unlink(path);
    rmdir(folder);
}

static void the_manager_at_an_abstract_name_hears_the_lines(void **state)
{
    (void)state;
    char name[64];
    snprintf(name, sizeof name, "@nuthatch-test-%d", (int)getpid());
    int fd = manager(name);
    notify_send("STOPPING=1");
    assert_string_equal(heard(fd), "STOPPING=1");
    close(fd);
}

static void a_reload_says_when_it_began(void **state)
{
    (void)state;
    char name[64];
    snprintf(name, sizeof name, "@nuthatch-reload-%d", (int)getpid());
    int fd = manager(name);
    notify_reloading();
    const char *text = heard(fd);
    assert_memory_equal(text, "RELOADING=1\nMONOTONIC_USEC=", 27);
    assert_true(strtoull(text + 27, NULL, 10) > 0);
    close(fd);
}

static void a_manager_that_does_not_read_stops_nobody(void **state)
{
    (void)state;
    char name[64];
    snprintf(name, sizeof name, "@nuthatch-deaf-%d", (int)getpid());
    int fd = manager(name);
    alarm(60);
    int most = 10; /* what the system queues by default */
    FILE *f = fopen("/proc/sys/net/unix/max_dgram_qlen", "r");
    if (f && fscanf(f, "%d", &most) != 1)
        most = 10;
    if (f)
        fclose(f);
    for (int i = 0; i < most + 3; i++)
        notify_send("READY=1");
    alarm(0);
    assert_string_equal(heard(fd), "READY=1");
    close(fd);
}

static void nothing_happens_without_a_manager(void **state)
{
    (void)state;
    static const char *const names[] = {"", "@", "relative", "/nonexistent/socket"};
    unsetenv("NOTIFY_SOCKET");
    notify_send("READY=1");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        setenv("NOTIFY_SOCKET", names[i], 1);
        notify_send("READY=1");
    }
    char name[300];
    memset(name, 'a', sizeof name);
    name[0] = '/';
    name[sizeof name - 1] = '\0';
    setenv("NOTIFY_SOCKET", name, 1);
    notify_send("READY=1"); /* longer than an address can be */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_manager_at_a_path_hears_the_lines),
        cmocka_unit_test(the_manager_at_an_abstract_name_hears_the_lines),
        cmocka_unit_test(a_reload_says_when_it_began),
        cmocka_unit_test(a_manager_that_does_not_read_stops_nobody),
        cmocka_unit_test(nothing_happens_without_a_manager),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

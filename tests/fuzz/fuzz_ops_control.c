/* A request on the control socket: what is accepted names a command and, where there is a name, a
 * whole one; what is refused says why. */
#include "base/must.h"
#include "dns/name.h"
#include "ops/control_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct control_request r;
    const char *why = NULL;
    if (control_request_read(&r, (const char *)data, size, &why) != OK) {
        MUST(why && *why);
        return 0;
    }
    MUST(!why && r.command < COMMANDS && r.scope <= FLUSH_ALL);
    char text[NAME_TEXT_MAX];
    uint8_t again[NAME_MAX_WIRE];
    MUST(name_size(r.name) <= NAME_MAX_WIRE);
    MUST(name_from_text(name_text(r.name, text), again) == OK && name_equal(again, r.name));
    return 0;
}

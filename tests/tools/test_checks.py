"""The checks of tools/ find what they are there to find: each runs on a small tree with offences in it."""

import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(tool, tree):
    done = subprocess.run([ROOT / "tools" / tool, tree], capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout


def write(tree, name, text):
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_clean_tree_passes_the_include_check(tmp_path):
    write(tmp_path, "cache/a.c", '#include "cache/b.h"\n#include "dns/name.h"\n#include <string.h>\n'
          "/* time( in a comment */ const char *s = \"socket(\";\nint runtime(int x);\nint y = w->ops->random(w);\n")
    write(tmp_path, "tests/unit/t.c", '#include "net/loop.h"\n#include <uv.h>\n')
    code, out = run("check-includes", tmp_path)
    assert code == 0, out


def test_an_upward_include_is_found(tmp_path):
    write(tmp_path, "dns/a.c", '\n#include "cache/cache.h"\n')
    code, out = run("check-includes", tmp_path)
    assert code == 1 and "dns/a.c:2:" in out


def test_a_foreign_library_is_found(tmp_path):
    write(tmp_path, "resolver/a.c", "#include <uv.h>\n#include <sys/socket.h>\n")
    write(tmp_path, "zones/a.c", "#include <openssl/evp.h>\n")
    write(tmp_path, "net/b.c", "#include <ares.h>\n")
    write(tmp_path, "net/names_cares.c", "#include <ares.h>\n")
    code, out = run("check-includes", tmp_path)
    assert code == 1
    for where in ("resolver/a.c:1:", "resolver/a.c:2:", "zones/a.c:1:", "net/b.c:1:"):
        assert where in out
    assert "4 offences" in out


def test_clocks_randomness_and_sockets_are_found(tmp_path):
    for n, call in enumerate(("time(NULL)", "clock_gettime(0, &t)", "rand()", "getrandom(b, 1, 0)",
                              "uv_now(l)", "ares_init(&c)", "socket(1, 2, 3)", "random()")):
        write(tmp_path, f"policy/f{n}.c", f"\nint x = {call};\n")
    code, out = run("check-includes", tmp_path)
    assert code == 1 and "8 offences" in out and "policy/f0.c:2:" in out


def test_an_empty_tree_is_no_success(tmp_path):
    assert run("check-includes", tmp_path)[0] == 1
    assert run("check-sizes", tmp_path)[0] == 1


def function(lines):
    body = "    x++;\n" * (lines - 2)
    return f"static int f(int x)\n{{\n{body}}}\n"


def test_a_function_of_seventy_lines_passes_and_one_more_does_not(tmp_path):
    write(tmp_path, "base/a.c", "#include <a.h>\n\n" + function(70))
    code, out = run("check-sizes", tmp_path)
    assert code == 0, out
    write(tmp_path, "base/a.c", "#include <a.h>\n\n" + function(71))
    code, out = run("check-sizes", tmp_path)
    assert code == 1 and "base/a.c:3: f has 71 lines" in out


def test_a_long_file_is_found_and_tables_may_be_longer(tmp_path):
    write(tmp_path, "base/a.h", "\n" * 600)
    write(tmp_path, "base/a.def", "\n" * 1000)
    write(tmp_path, "tests/unit/a.c", "\n" * 1000)
    assert run("check-sizes", tmp_path)[0] == 0
    write(tmp_path, "base/a.h", "\n" * 601)
    write(tmp_path, "base/a.def", "\n" * 1001)
    code, out = run("check-sizes", tmp_path)
    assert code == 1 and "base/a.h:601:" in out and "base/a.def:1001:" in out


def test_many_parameters_fields_and_booleans_are_only_noted(tmp_path):
    write(tmp_path, "base/a.c", "int f(int a, int b, int (*c)(int, int), int d, int e, int g, int h)\n{\n}\n")
    fields = "".join(f"    int a{n};\n" for n in range(21))
    write(tmp_path, "base/a.h", f"struct big {{\n{fields}}};\nstruct bits {{\n    bool a, b, c, d, e;\n}};\n")
    code, out = run("check-sizes", tmp_path)
    assert code == 0
    assert "f has 7 parameters" in out and "big has 21 fields" in out and "bits has 5 booleans" in out

# Debian 12's packages by their pkg-config names; scripts/install brings them.
find_package(PkgConfig REQUIRED)
foreach(pair uv=libuv ldns=ldns cares=libcares ssl=libssl crypto=libcrypto cyaml=libcyaml jansson=jansson yaml=yaml-0.1
        xxhash=libxxhash cmocka=cmocka jemalloc=jemalloc)
    string(REPLACE "=" ";" pair ${pair})
    list(GET pair 0 name)
    list(GET pair 1 module)
    pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${module})
endforeach()

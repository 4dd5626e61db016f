#!/bin/bash
# Plays each file of a folder of wrong scenarios and sees that the player says of it what the file's first line wants.
#   test_bad.sh PLAY FOLDER
set -u
play=$1
folder=$2
passed=0
failed=0
for file in "$folder"/*.rpl; do
    wants=$(sed -n '1s/^; wants: //p' "$file")
    wants=${wants/FILE/$file}
    got=$("$play" "$file")
    code=$?
    case $wants in SKIP*) should=0 ;; *) should=1 ;; esac
    if [ -n "$wants" ] && [ $code = $should ] && grep -qF -- "$wants" <<<"$got"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'wanted (exit code %s): %s\ngot (exit code %s):\n%s\n' "$should" "$wants" "$code" "$got"
    fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]

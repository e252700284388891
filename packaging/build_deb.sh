#!/usr/bin/env bash
# Builds the Debian package libheddle-dev in a copy of the tree and checks it with lintian.
#
#   packaging/build_deb.sh DIRECTORY    made if need be; the package is left there
#
# DEBFULLNAME and DEBEMAIL name the maintainer; by default a placeholder, which lintian's complaint
# about is passed over. Needs dpkg-dev, debhelper, lintian, fakeroot and the library's own needs.
set -euo pipefail

[[ $# -eq 1 ]] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
version=$(sed -nE 's/^#define HEDDLE_VERSION_(MAJOR|MINOR|PATCH) ([0-9]+).*/\2/p' \
  "$root/include/heddle/version.hpp" | paste -sd.)
copy=$out/heddle-$version
[[ ! -e $copy ]] || { echo "build_deb: $copy is there already" >&2; exit 1; }

mkdir "$copy"
for part in CMakeLists.txt CHANGELOG.md LICENSE README.md cmake docs include; do cp -r "$root/$part" "$copy/"; done
tar -C "$out" -czf "$out/heddle_$version.orig.tar.gz" "heddle-$version"
cp -r "$root/packaging/debian" "$copy/"
cd "$copy"
suppress=(--suppress-tags "initial-upload-closes-no-bugs")
if [[ -n ${DEBEMAIL-} ]]; then
  sed -i "s/Packager <packager@packager.invalid>/${DEBFULLNAME:-heddle packager} <$DEBEMAIL>/" debian/control debian/changelog
else
  suppress=(--suppress-tags "initial-upload-closes-no-bugs,bogus-mail-host,mail-contact")
fi
grep -q "^heddle ($version-" debian/changelog || {
  echo "build_deb: debian/changelog does not begin with version $version" >&2
  exit 1
}
dpkg-buildpackage -us -uc -nc > "$out/build.log" 2>&1 || { tail -n 20 "$out/build.log" >&2; exit 1; }
lintian --allow-root --fail-on error,warning "${suppress[@]}" "$out"/heddle_"$version"-*.changes
ls "$out"/*.deb

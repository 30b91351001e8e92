#!/bin/sh
# Verifies an audit that was exported as NDJSON, with a POSIX shell and openssl 3 only:
#   sh verify-audit.sh audit.ndjson [public-key.pem]
# The key should be one that you noted earlier, from `muster audit key`. Without it, the one in the file is used: that
# proves that the file is whole, not who signed it.
set -eu
file=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wrong() {
  echo "WRONG at line $number: $1"
  exit 1
}
sha256() { openssl dgst -sha256 -r | cut -d ' ' -f 1; }
# the value of a member of a line of JSON, text or number
member() { printf '%s' "$1" | sed -n "s/.*\"$2\":\"\{0,1\}\([^\",}]*\).*/\1/p"; }

number=1
IFS= read -r first <"$file"
previous=$(member "$first" previous)
seq=$(($(member "$first" first) - 1))
if [ $# -gt 1 ]; then
  cp "$2" "$work/key.pem"
else
  printf '%b' "$(printf '%s' "$first" | sed 's/.*"publicKey":"\([^"]*\)".*/\1/')" >"$work/key.pem"
fi

entries=0
heads=0
signed=0
{
  IFS= read -r _
  while IFS= read -r line; do
    number=$((number + 1))
    case $line in
    '{"head"'*)
      [ "$(member "$line" seq)" = "$seq" ] || wrong "it signs another number than $seq"
      [ "$(member "$line" hash)" = "$previous" ] || wrong "what was signed is not what is above it"
      printf 'muster audit\n%s\n%s\n%s\n' "$seq" "$previous" "$(member "$line" at)" >"$work/head"
      member "$line" signature | openssl base64 -d -A >"$work/signature"
      openssl pkeyutl -verify -pubin -inkey "$work/key.pem" -rawin -in "$work/head" -sigfile "$work/signature" \
        >/dev/null 2>&1 || wrong "the signature is not of this key"
      heads=$((heads + 1))
      signed=$entries
      continue
      ;;
    # an entry of others: only its hash is here
    '{"leaf"'*) leaf=$(member "$line" leaf) ;;
    *) leaf=$(printf '%s' "$line" | sha256) ;;
    esac
    previous=$(printf '%s\n%s\n' "$previous" "$leaf" | sha256)
    seq=$((seq + 1))
    entries=$((entries + 1))
  done
} <"$file"
[ "$entries" -gt 0 ] && [ "$signed" = "$entries" ] || wrong "the file does not end with a signature"
echo "$entries entries and $heads signatures are right. The last one is number $seq."

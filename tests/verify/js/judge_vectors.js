// What a module says of each vector, by name: "active", the reason, or the bits that are set.
export async function judgeVectors(verify, vectors) {
  const { issuer, audience, now } = vectors;
  const keys = await verify.readKeys(vectors.jwks);
  const told = {};
  for (const { name, token } of [...vectors.positive, ...vectors.negative])
    told[name] = await verify.checkToken(token, { keys, issuer, audience, now }).then(
      () => "active",
      (error) => error.message,
    );
  for (const { name, uri, token } of vectors.status_lists) {
    const list = await verify.checkList(token, { keys, uri, now });
    told[name] = [...Array(2 ** 17 + 8).keys()].filter(list.isSet);
  }
  return told;
}

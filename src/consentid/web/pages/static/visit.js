// Hands the code in the address to the form beside it, and takes it out of the address.
{
  const found = /[#&]consentid=([\w-]+)$/.exec(location.hash);
  const { code, referrer } = document.forms[0].elements;
  const [entry] = performance.getEntriesByType("navigation");
  if (entry?.type === "back_forward") history.back(); // whoever goes back is on the way to where they came from
  else {
    history.replaceState(null, "", location.pathname + location.search);
    code.value = found?.[1] ?? "";
    referrer.value = document.referrer && new URL(document.referrer).origin;
    document.forms[0].submit();
  }
}

// Hands the link in the address to the form beside it, and takes it out of the address.
{
  const sealed = location.hash.slice(1);
  if (sealed) {
    history.replaceState(null, "", location.pathname + location.search);
    document.forms[0].elements.link.value = sealed;
    document.forms[0].submit();
  }
}

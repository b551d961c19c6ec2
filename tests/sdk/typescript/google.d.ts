/** Google's tags read it; it is a page's own. */
declare var dataLayer: IArguments[];

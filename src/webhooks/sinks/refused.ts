// The failure of an attempt whose address is not allowed.

export class AddressRefused extends Error {
  override readonly name = "AddressRefused";

  constructor() {
    super("the endpoint's address is on a private network, which this server does not allow");
  }
}

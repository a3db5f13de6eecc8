"""Does a published table agree with itself and with its data?"""
